// node browser/pictures.mjs DIR: pictures of the page, to be looked at.

import { open, start } from "./chrome.mjs";

const [folder = "."] = process.argv.slice(2);
const DARK = [{ name: "prefers-color-scheme", value: "dark" }];
const SPIRALS = "data=spirals&features=x.y.sinx.siny&hidden=8.8&points=500&noise=0.05&steps=400";
const PICTURES = [
  ["desktop", "steps=100", {}],
  ["dark", SPIRALS, { features: DARK }],
  ["phone", "steps=60", { width: 390, height: 844 }],
  ["phone-dark", SPIRALS, { width: 390, height: 844, features: DARK }],
  ["line", "data=sine_regression&hidden=6.4&loss=mse_loss&steps=200", {}],
  ["clouds", "data=blobs&loss=cross_entropy&hidden=4&steps=100&noise=2", {}],
  ...["code", "population", "activations", "losses", "optimizers"].map((tab) => [
    tab,
    `steps=50&tab=${tab}`,
    {},
  ]),
  ["optimizers-dark", "steps=50&tab=optimizers", { features: DARK }],
  ["population-phone", "steps=50&tab=population", { width: 390, height: 844 }],
];

const browser = await start();
for (const [name, hash, options] of PICTURES) {
  const page = await open(browser, hash, options);
  await new Promise((done) => setTimeout(done, 1500));
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  if (page.errors.length) console.log(name, page.errors);
  await page.close();
}
await browser.close();
