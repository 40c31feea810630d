// Opens every kind of page from the disk, wide and narrow, light and dark, as a reader does, and
// fails where something is wrong: accessibility (axe), formulas, sideways scrolling on a phone,
// anything asked of the network, a search without results.
//
// Command:  node docs/browser.mjs docs/_build/html [folder for screenshots]
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const folder = resolve(process.argv[2]);
const pictures = process.argv[3];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pages = [
  "index.html",
  "start.html",
  "guides/index.html",
  "guides/layer.html",
  "lectures/index.html",
  "lectures/08_backpropagation.html",
  "experiments/index.html",
  "experiments/animals_mlp.html",
  "reference/index.html",
  "reference/losses.html",
  "reference/types.html",
  "benchmarks.html",
  "changelog.html",
  "playground.html",
  "genindex.html",
  "search.html",
  "_modules/jaxdl/losses/_classification.html",
];
const screens = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const executablePath = [process.env.CHROME_PATH, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((place) => place && existsSync(place));
const faults = [];

const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox"] });

async function open(path, screen, scheme) {
  const page = await browser.newPage();
  await page.setBypassCSP(true);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setViewport({ ...screens[screen], isMobile: screen === "phone", hasTouch: screen === "phone" });
  page.on("request", (request) => {
    if (/^https?:/.test(request.url())) faults.push(`${path}: asks the network for ${request.url()}`);
  });
  page.on("pageerror", (error) => faults.push(`${path}: ${error.message}`));
  await page.goto(pathToFileURL(`${folder}/`).href + path, { waitUntil: "load" });
  return page;
}

async function check(path, screen, scheme) {
  const page = await open(path, screen, scheme);
  const where = `${path} (${screen}, ${scheme})`;
  const seen = await page.evaluate(() => ({
    broken: [...document.querySelectorAll(".katex-error")].map((e) => e.textContent),
    plain: [...document.querySelectorAll(".math")].filter((e) => !e.querySelector("math")).map((e) => e.textContent),
    overflow: document.documentElement.scrollWidth - window.innerWidth,
    main: document.querySelectorAll("main, [role=main]").length,
  }));
  for (const text of [...seen.broken, ...seen.plain]) faults.push(`${where}: not set: ${text}`);
  if (seen.overflow > 1) faults.push(`${where}: ${seen.overflow} pixels stick out sideways`);
  await page.evaluate(axe);
  const rules = { resultTypes: ["violations"] };
  const found = await page.evaluate((options) => axe.run(document, options), rules);
  for (const { id, impact, nodes } of found.violations) {
    if (impact === "serious" || impact === "critical") {
      faults.push(`${where}: ${impact}, ${id}, ${nodes.length} times, as ${nodes[0].html.slice(0, 200)}`);
    }
  }
  if (pictures) {
    mkdirSync(pictures, { recursive: true });
    const name = `${path.replaceAll("/", "-").replace(".html", "")}-${screen}-${scheme}.png`;
    await page.screenshot({ path: `${pictures}/${name}` });
  }
  await page.close();
}

async function search(words, wanted) {
  const page = await open(`search.html?q=${encodeURIComponent(words)}`, "desktop", "light");
  try {
    await page.waitForSelector(`#search-results a[href*="${wanted}"]`, { timeout: 10000 });
  } catch {
    faults.push(`search: "${words}" doesn't find ${wanted}`);
  }
  await page.close();
}

if (existsSync(`${folder}/playground`)) pages.push("playground/index.html");
let count = 0;
for (const path of pages) {
  if (!existsSync(`${folder}/${path}`)) {
    faults.push(`${path}: isn't there`);
    continue;
  }
  await check(path, "desktop", "light");
  await check(path, "desktop", "dark");
  await check(path, "phone", "light");
  count += 3;
}
await search("cross_entropy", "losses.html");
await search("perceptron", "01_perceptron.html");
await browser.close();
console.log(faults.join("\n"));
console.log(`browser: ${count} views, ${faults.length} faults`);
process.exit(faults.length ? 1 : 0);
