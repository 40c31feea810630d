/** The moments that the site's page of the playground links to are as it says. */

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { advance, begun, evaluated } from "../src/engine/run";
import { read, written } from "../src/url";

const page = readFileSync(new URL("../../playground.md", import.meta.url), "utf8");
const LINK = /index\.html#([^"]*)">[^<]*<\/a>:\s+(?:(\d+) %|loss ([\d.]*\d))/g;
const moments = [...page.matchAll(LINK)].map(([, hash, share, loss]) => ({ hash, share, loss }));

it("every link holds settings that are offered", () => {
  const links = [...page.matchAll(/index\.html#([^"]*)"/g)].map((m) => m[1]!);
  expect([links.length, moments.length]).toEqual([10, 9]);
  for (const link of links) {
    const known = new URLSearchParams(written(read(link)));
    for (const [name, value] of new URLSearchParams(link)) expect(known.get(name)).toBe(value);
  }
});

it.each(moments)("$hash", ({ hash, share, loss }) => {
  const { settings, steps } = read(hash!);
  const run = begun(settings);
  for (let i = 0; i < steps; i++) advance(run);
  const test = evaluated(run, run.data.test);
  if (share) expect((100 * test.right).toFixed(0)).toBe(share);
  else expect(test.loss).toBeCloseTo(Number(loss), 2);
});
