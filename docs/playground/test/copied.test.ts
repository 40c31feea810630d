/** The copied code is what tests/playground runs in Python, and the losses there are those here. */

import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { codeOf, populationCode, type Population } from "../src/code";
import { advance, begun, evaluated, stepsPerEpoch, type Run } from "../src/engine/run";
import { read } from "../src/url";
import { members, settingsOf } from "../src/engine/population";
import { MOMENTS } from "./moments";

const LOSSES = new URL("copied/losses.json", import.meta.url);
const EPOCHS = 30;
const found: Record<string, { training: number[]; test: number[] }> = {};

function trained(run: Run, steps: number): Run {
  for (let i = 0; i < steps; i++) advance(run);
  return run;
}

function keep(name: string, runs: Run[]): void {
  const losses = (part: "train" | "test") =>
    runs.map((run) => Number(evaluated(run, run.data[part]).loss.toPrecision(8)));
  found[name] = { training: losses("train"), test: losses("test") };
}

function same(name: string): void {
  if (process.env["UPDATE"]) writeFileSync(LOSSES, JSON.stringify(found, null, 1) + "\n");
  const known = JSON.parse(readFileSync(LOSSES, "utf8"))[name];
  for (const part of ["training", "test"] as const) {
    found[name]![part].forEach((loss, i) => expect(loss).toBeCloseTo(known[part][i], 6));
  }
}

describe("copied code", () => {
  it.each(Object.keys(MOMENTS))("%s", async (name) => {
    const { settings, steps } = read(MOMENTS[name]!);
    await expect(codeOf(settings, steps)).toMatchFileSnapshot(`copied/${name}.txt`);
    keep(name, [trained(begun(settings), steps)]);
    same(name);
  });

  it.each(["seed", "rate"] as const)("a population of %ss", async (kind) => {
    const { settings } = read("batch=32&dropout=0.1&hidden=4&optimizer=sgd&rate=0.03");
    const population: Population = { kind, values: members(settings, kind, 16) };
    const name = `population_of_${kind}s`;
    await expect(populationCode(settings, population, EPOCHS)).toMatchFileSnapshot(
      `copied/${name}.txt`,
    );
    const runs = population.values.map((value) => begun(settingsOf(settings, kind, value)));
    keep(
      name,
      runs.map((run) => trained(run, EPOCHS * stepsPerEpoch(run))),
    );
    same(name);
  });
});
