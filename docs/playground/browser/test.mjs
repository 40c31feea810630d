// Clicks through the built page in headless Chromium; `npm run build` comes first.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { open, start } from "./chrome.mjs";

const golden = JSON.parse(readFileSync(new URL("../test/golden.json", import.meta.url), "utf8"));
const copied = new URL("../test/copied/", import.meta.url);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const text = (page, selector) => page.$eval(selector, (e) => e.textContent);
const reading = async (page, name) => {
  const rows = await page.$$eval("#readings div", (all) =>
    all.map((e) => [e.children[0].textContent, e.children[1].textContent]),
  );
  return Number.parseFloat(Object.fromEntries(rows)[name]);
};
const settled = (page) =>
  page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
  );

const tests = {
  async "every activation, loss and optimizer trains as jaxdl does"(page) {
    const found = await page.evaluate(
      (all) =>
        Object.fromEntries(
          Object.entries(all).map(([name, t]) => [
            name,
            window.jaxdlPlayground.losses(t.settings, t.losses.length),
          ]),
        ),
      golden.trained,
    );
    for (const [name, { losses }] of Object.entries(golden.trained)) {
      const worst = Math.max(
        ...losses.map((loss, i) => Math.abs(loss - found[name][i]) / Math.max(1, loss)),
      );
      assert.ok(worst < 1e-4, `${name}: ${worst}`);
    }
  },

  async "step, run, pause and reset"(page) {
    await page.click("#step");
    await settled(page);
    assert.equal(await reading(page, "step"), 1);
    const before = await reading(page, "training loss");
    await page.click("#run");
    await page.waitForFunction(
      () => Number(document.querySelector("#readings dd").textContent) > 40,
    );
    await page.click("#run");
    assert.ok((await reading(page, "training loss")) < before);
    await page.click("#reset");
    await settled(page);
    assert.equal(await reading(page, "step"), 0);
  },

  async "layers, neurons and features come and go by click"(page) {
    const neurons = () => page.$$eval(".neuron", (all) => all.length);
    const at = await neurons();
    await page.click("#add-layer");
    assert.equal(await neurons(), at + 8);
    await page.click('[aria-label^="Remove a neuron in layer 3"]');
    assert.equal(await neurons(), at + 7);
    await page.click("#remove-layer");
    assert.equal(await neurons(), at);
    const edges = () => page.$$eval(".edge", (all) => all.length);
    const lines = await edges();
    await page.click('[aria-label="Feature x²"]');
    assert.equal(await edges(), lines + 8);
  },

  async "a weight is edited and begins another run"(page) {
    await page.click('[aria-label="Layer 1, neuron 2"]');
    const input = await page.waitForSelector("#neuron .weights label:nth-child(2) input");
    await input.click({ clickCount: 3 });
    await input.type("2.5");
    await page.keyboard.press("Enter");
    await wait(600);
    assert.equal(
      await page.$eval("#neuron .weights label:nth-child(2) input", (e) => e.value),
      "2.5",
    );
    assert.match(await page.evaluate(() => location.hash), /start=/);
  },

  async "a line leads to its weight"(page) {
    await page.$eval(".edge-target:last-of-type", (line) => line.dispatchEvent(new Event("click")));
    const label = await page.evaluate(() => document.activeElement.closest("label").textContent);
    assert.match(label, /^from neuron 8/);
    assert.match(await text(page, "#neuron h3"), /Output, neuron 1/);
  },

  async "gradients and δ show after a step"(page) {
    await page.click("#show-gradients");
    await page.click("#step");
    await settled(page);
    const deltas = await page.$$eval(".delta", (all) => all.map((e) => e.textContent));
    assert.equal(deltas.length, 17);
    assert.ok(deltas.every((d) => /\d/.test(d)));
  },

  async "every set and control is chosen"(page) {
    for (const data of [
      "xor",
      "moons",
      "spirals",
      "checkerboard",
      "blobs",
      "spirals3",
      "sine_regression",
      "circles",
    ]) {
      await page.select('[data-name="data"]', data);
      await page.click("#step");
      await settled(page);
      assert.ok((await reading(page, "training loss")) > 0, data);
    }
    for (const [name, value] of [
      ["activation", "gelu"],
      ["loss", "hinge"],
      ["optimizer", "rmsprop"],
      ["rate", "0.1"],
      ["batch", "16"],
      ["l1", "0.001"],
      ["l2", "0.001"],
      ["dropout", "0.2"],
    ]) {
      await page.select(`[data-name="${name}"]`, value);
    }
    await page.click("#step");
    await wait(600);
    assert.match(
      await page.evaluate(() => location.hash),
      /activation=gelu.*optimizer=rmsprop.*dropout=0.2.*steps=1/,
    );
  },

  async "points are drawn by mouse and by keyboard"(page) {
    await page.select('[data-name="data"]', "drawn");
    const box = await (await page.$("#plane")).boundingBox();
    for (const [x, y] of [
      [0.2, 0.2],
      [0.8, 0.8],
      [0.25, 0.3],
    ])
      await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
    await page.click("#pens input[checked] ~ *, #pens label:nth-child(2) input");
    for (const [x, y] of [
      [0.2, 0.8],
      [0.8, 0.2],
    ])
      await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
    await page.focus("#plane");
    for (const key of ["ArrowLeft", "ArrowUp", "ArrowUp", "Enter"]) await page.keyboard.press(key);
    await wait(600);
    const hash = await page.evaluate(() => decodeURIComponent(location.hash));
    assert.equal(hash.match(/drawn=([^&]*)/)[1].split(",").length, 6);
    await page.click("#step");
  },

  async "numbers are drawn, with the slider's value each"(page) {
    await page.select('[data-name="data"]', "drawn_numbers");
    const box = await (await page.$("#plane")).boundingBox();
    const put = (x, y) => page.mouse.click(box.x + x * box.width, box.y + y * box.height);
    await put(0.2, 0.2);
    await page.focus('#pens input[type="range"]');
    for (let i = 0; i < 15; i++) await page.keyboard.press("ArrowLeft");
    await put(0.8, 0.8);
    await put(0.3, 0.7);
    await wait(600);
    const hash = await page.evaluate(() => decodeURIComponent(location.hash));
    const values = hash
      .match(/drawn=([^&]*)/)[1]
      .split(",")
      .map((p) => Number(p.split("_")[2]));
    assert.deepEqual(values, [1, -0.5, -0.5]);
    await page.click("#step");
    await settled(page);
    assert.ok((await reading(page, "training loss")) > 0);
  },

  async "a link shows the moment again, and its code is the tested code"(page, browser) {
    const moment = await open(browser, "steps=100");
    assert.equal(await reading(moment, "step"), 100);
    await settled(moment);
    assert.equal(
      await text(moment, "#panel pre"),
      readFileSync(new URL("default.txt", copied), "utf8"),
    );
    const [maths, plain] = await moment.$eval(".formula", (e) => [
      e.querySelectorAll("math").length,
      e.textContent,
    ]);
    assert.ok(maths > 8 && !/[⁰¹²³√½/]/.test(plain), `formulas aren't set: ${plain}`);
    await moment.click('[data-copy="jaxdl code"]');
    await moment.waitForFunction(
      () => document.querySelector('[data-copy="jaxdl code"]').textContent === "Copied",
    );
    assert.deepEqual(moment.errors, []);
    await moment.close();
  },

  async "a population trains, and the explorers draw"(page) {
    await page.click("#tab-population");
    await page.waitForSelector(".members figure");
    assert.equal(await page.$$eval(".members figure", (all) => all.length), 16);
    await page.select("#panel select", "64");
    assert.equal(await page.$$eval(".members figure", (all) => all.length), 64);
    await page.click("#panel .primary");
    await page.waitForFunction(
      () => Number(/Step (\d+)/.exec(document.querySelector("#panel").textContent)[1]) > 10,
    );
    for (const tab of ["activations", "losses", "optimizers"]) {
      await page.focus('[role="tab"][aria-selected="true"]');
      await page.keyboard.press("ArrowRight");
      assert.equal(await page.$eval('[aria-selected="true"]', (e) => e.id), `tab-${tab}`);
      await settled(page);
      const drawn = await page.$eval(
        "#panel canvas",
        (c) => new Set(c.getContext("2d").getImageData(0, 0, c.width, c.height).data).size,
      );
      assert.ok(drawn > 8, tab);
    }
  },
};

/** No serious finding of axe on any panel, light or dark, wide or narrow. */
async function accessible(browser) {
  const dark = [{ name: "prefers-color-scheme", value: "dark" }];
  for (const [tab, options] of [
    ["code", {}],
    ["code&data=drawn&drawn=0_0_1", {}],
    ["population", { features: dark }],
    ["activations", { width: 390, height: 844 }],
    ["losses", {}],
    ["optimizers", { features: dark }],
  ]) {
    const page = await open(browser, `steps=5&tab=${tab}`, options);
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run());
    const serious = violations.filter((v) => ["serious", "critical"].includes(v.impact));
    assert.deepEqual(
      serious.map((v) => [tab, v.id, v.nodes.map((n) => n.html.slice(0, 120)).slice(0, 3)]),
      [],
    );
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.ok(!wide, `${tab} is wider than the screen`);
    await page.close();
  }
}

const browser = await start();
let failed = 0;
for (const [name, test] of Object.entries({
  ...tests,
  "no serious finding of axe": (_, b) => accessible(b),
})) {
  const page = await open(browser);
  try {
    await test(page, browser);
    assert.deepEqual(page.errors, []);
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n${error.stack}`);
  }
  await page.close();
}
await browser.close();
process.exitCode = failed ? 1 : 0;
