// npm run measure: time of a step and of a frame at 2-8-8-1 with 500 points, and the page's weight.

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { open, PAGE, start } from "./chrome.mjs";

const settings = { data: "circles", points: 1000, noise: 0.1, share: 0.5, hidden: [8, 8] };

const browser = await start();
for (const [title, options] of [
  ["1280×800", {}],
  ["390×844", { width: 390, height: 844 }],
]) {
  const page = await open(browser, "points=1000", options);
  const steps = await page.evaluate((s) => window.jaxdlPlayground.time(s, 300), settings);
  await page.click("#run");
  const frames = await page.evaluate(framesOf, 180);
  console.log(`${title}: a step on 500 rows ${steps.toFixed(3)} ms;`, frames);
  await page.close();
}
const size = readFileSync(fileURLToPath(PAGE));
console.log(
  `page: ${(size.length / 1024).toFixed(0)} KB, compressed ${(gzipSync(size).length / 1024).toFixed(0)} KB`,
);
await browser.close();

/** Intervals between frames while the page trains, and the work that a frame does. */
function framesOf(count) {
  return new Promise((done) => {
    const at = [];
    const work = [];
    const tick = (now) => {
      at.push(now);
      const begun = performance.now();
      setTimeout(() => work.push(performance.now() - begun));
      if (at.length <= count) return requestAnimationFrame(tick);
      const between = at
        .slice(1)
        .map((t, i) => t - at[i])
        .sort((a, b) => a - b);
      const middle = (x) => x[Math.floor(x.length / 2)].toFixed(1);
      const perSecond = ((1000 * (at.length - 1)) / (at.at(-1) - at[0])).toFixed(1);
      done({
        "frames a second": perSecond,
        "median ms": middle(between),
        "95 % below": between[Math.floor(0.95 * count)].toFixed(1),
        "work ms": middle(work.sort((a, b) => a - b)),
      });
    };
    requestAnimationFrame(tick);
  });
}
