// Starts the system's Chromium: the one that CHROME_PATH names, or the first of the usual places.

import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const PLACES = [
  process.env.CHROME_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

export const PAGE = pathToFileURL(
  fileURLToPath(new URL("../dist/index.html", import.meta.url)),
).href;

export function start() {
  const executablePath = PLACES.find((place) => place && existsSync(place));
  if (!executablePath) throw new Error("no Chromium: name one in CHROME_PATH");
  const args = ["--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"];
  return puppeteer.launch({ executablePath, args, headless: true });
}

/** A page on the built playground that keeps its errors in `page.errors`. */
export async function open(browser, hash = "", { width = 1280, height = 800, features = [] } = {}) {
  const page = await browser.newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.errors.push(message.text()));
  await page.setViewport({
    width,
    height,
    deviceScaleFactor: 1,
    isMobile: width < 600,
    hasTouch: width < 600,
  });
  await page.emulateMediaFeatures(features);
  await page.goto(`${PAGE}${hash && `#${hash}`}`);
  await page.waitForSelector(".neuron");
  return page;
}
