/** Trains the networks of golden.json and compares them with what jaxdl computed. */

import { describe, expect, it } from "vitest";
import { ACTIVATIONS } from "../src/engine/activations";
import { LOSSES } from "../src/engine/losses";
import { OPTIMIZERS } from "../src/engine/optimizers";
import { shuffled } from "../src/engine/order";
import * as random from "../src/engine/random";
import { advance, begun, evaluated, packed } from "../src/engine/run";
import type { Settings } from "../src/engine/settings";
import { divided } from "../src/engine/split";
import { makeToy, TOYS } from "../src/engine/toys";
import golden from "./golden.json";

interface Trained {
  settings: Settings;
  start: number[];
  losses: number[];
  test: number;
}

const TRAINED = golden.trained as unknown as Record<string, Trained>;
const { drawn } = golden;
const KEY = random.keyOf(7);

/** The largest difference of two lists, relative where numbers are above 1. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; i++)
    most = Math.max(most, Math.abs(a[i]! - b[i]!) / Math.max(1, Math.abs(b[i]!)));
  return Number.isNaN(most) ? Infinity : most;
}

describe("random numbers are JAX's", () => {
  it("bits, keys and draws", () => {
    expect(Array.from(random.bits(KEY, 5))).toEqual(drawn.bits);
    expect(random.split(KEY)).toEqual(drawn.split);
    expect(random.foldIn(KEY, 12)).toEqual(drawn.folded);
    expect(difference(random.uniform(KEY, 5, -0.7, 0.7), drawn.uniform)).toBeLessThan(1e-7);
    expect(Array.from(random.bernoulli(KEY, 0.3, 20))).toEqual(drawn.bernoulli);
  });

  it.each(Object.entries(drawn.orders))("the order of %s rows", (size, order) => {
    expect(Array.from(shuffled(KEY, Number(size)))).toEqual(order);
  });
});

describe("toy sets and their splits are jaxdl's", () => {
  it.each(Object.keys(TOYS))("%s", (name) => {
    const { train, test } = divided(makeToy(name, 40, 0.1, 1), 0.5, 1);
    const parts = drawn.sets[name as keyof typeof drawn.sets];
    [train, test].forEach((part, i) => {
      expect(difference(part.x, parts[i]!.inputs)).toBeLessThan(1e-6);
      expect(difference(part.labels, parts[i]!.labels)).toBeLessThan(1e-6);
    });
  });
});

describe("100 steps are jaxdl's", () => {
  it.each(Object.keys(TRAINED))("%s", (name) => {
    const { settings, start, losses, test } = TRAINED[name]!;
    const run = begun(settings);
    expect(difference(packed(run.layers), start)).toBeLessThan(1e-7);
    const found = losses.map(() => (advance(run), run.last));
    expect(difference(found, losses)).toBeLessThan(1e-4);
    expect(difference([evaluated(run, run.data.test).loss], [test])).toBeLessThan(1e-4);
  });

  it("covers all that is offered", () => {
    const settings = Object.values(TRAINED).map((t) => t.settings);
    expect(new Set(settings.map((s) => s.activation))).toEqual(new Set(Object.keys(ACTIVATIONS)));
    expect(new Set(settings.map((s) => s.loss))).toEqual(new Set(Object.keys(LOSSES)));
    expect(new Set(settings.map((s) => s.optimizer))).toEqual(new Set(Object.keys(OPTIMIZERS)));
    expect(new Set(settings.map((s) => s.data))).toEqual(new Set(Object.keys(TOYS)));
  });
});
