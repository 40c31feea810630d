/** Derivatives against finite differences, and what the page remembers of itself. */

import { describe, expect, it } from "vitest";
import { App } from "../src/app";
import { ACTIVATIONS } from "../src/engine/activations";
import { LOSSES } from "../src/engine/losses";
import { quantile } from "../src/engine/population";
import { begun, gradient, outputsOf, packed } from "../src/engine/run";
import { DEFAULTS, fitting, sizesOf, type Settings } from "../src/engine/settings";
import { erf } from "../src/engine/special";
import { pathOf, SURFACES } from "../src/engine/surfaces";
import { formulaOf } from "../src/formula";
import { ticks } from "../src/ui/ticks";
import { read, written } from "../src/url";

const STEP = 1e-5;
const PLACES = [-3.7, -1.3, -0.3, 0.4, 1.7, 3.2];

describe("derivatives", () => {
  it.each(Object.keys(ACTIVATIONS))("the slope of %s", (name) => {
    const { value, slope } = ACTIVATIONS[name]!;
    for (const z of PLACES)
      expect((value(z + STEP) - value(z - STEP)) / (2 * STEP)).toBeCloseTo(slope(z), 5);
  });

  it.each(Object.keys(LOSSES))("the slope of %s", (name) => {
    const { row, target } = LOSSES[name]!;
    const size = target === "class" ? 3 : 1;
    for (const label of target === "sign" ? [-1, 1] : [0, 1]) {
      const z = Float64Array.of(0.3, -0.6, 1.4).subarray(0, size);
      const slope = new Float64Array(size);
      row(z, 0, size, label, slope);
      for (let j = 0; j < size; j++) {
        const [up, down] = [z.slice(), z.slice()];
        up[j]! += STEP;
        down[j]! -= STEP;
        const found =
          (row(up, 0, size, label, null) - row(down, 0, size, label, null)) / (2 * STEP);
        expect(found).toBeCloseTo(slope[j]!, 5);
      }
    }
  });

  it("of every weight, with dropout and both penalties", () => {
    const settings = { ...DEFAULTS, points: 40, hidden: [3, 2], dropout: 0.3, l1: 0.01, l2: 0.02 };
    const at = (start: number[]) => begun({ ...settings, start });
    const start = packed(begun(settings).layers);
    const found = gradient(at(start)).flatMap(({ kernel, bias }) => [...kernel, ...bias]);
    start.forEach((_, i) => {
      const loss = (by: number) => {
        const run = at(start.map((w, j) => (i === j ? w + by : w)));
        gradient(run);
        return run.last;
      };
      expect((loss(1e-3) - loss(-1e-3)) / 2e-3).toBeCloseTo(found[i]!, 4);
    });
  });

  it.each(Object.keys(SURFACES))("of the surface %s", (name) => {
    const { value, gradient: of } = SURFACES[name]!;
    const [x, y] = [0.7, -0.4];
    const found = [
      value(x + STEP, y) - value(x - STEP, y),
      value(x, y + STEP) - value(x, y - STEP),
    ].map((d) => d / (2 * STEP));
    of(x, y).forEach((slope, i) => expect(found[i]).toBeCloseTo(slope, 4));
  });
});

it("the error function is exact to 1e-9", () => {
  const known: [number, number][] = [
    [0, 0],
    [0.5, 0.5204998778130465],
    [-1.234, -0.9190394169576684],
    [3, 0.9999779095030014],
    [9, 1],
  ];
  for (const [x, y] of known) expect(Math.abs(erf(x) - y)).toBeLessThan(1e-9);
});

it("an optimizer's path ends at the foot of a bowl", () => {
  const [x, y] = pathOf(SURFACES["bowl"]!, "momentum", 0.1, 300).at(-1)!;
  expect(Math.hypot(x, y)).toBeLessThan(1e-3);
});

describe("the address", () => {
  it("holds the whole state", () => {
    const settings: Settings = {
      ...DEFAULTS,
      data: "drawn",
      drawn: [
        [0.5, -0.25, 1],
        [-0.1, 0.3, 0],
      ],
      features: ["x", "sinx"],
      hidden: [3, 1],
      loss: "hinge",
      rate: 0.1,
      dropout: 0.2,
      seed: 12,
      start: [1, -0.5, Math.fround(0.1), 2].map(Math.fround),
    };
    const moment = { settings, steps: 77, tab: "losses" };
    expect(read(written(moment))).toEqual(moment);
    expect(written({ settings: DEFAULTS, steps: 0, tab: "" })).toBe("");
  });

  it("holds points with numbers, which are classes where classes are drawn", () => {
    const drawn = "drawn=0.5_-0.25_-0.3,0_0.1_0.8";
    const numbers = read(`data=drawn_numbers&${drawn}`).settings;
    expect(numbers.drawn.map((p) => p[2])).toEqual([-0.3, 0.8]);
    expect([numbers.loss, ...sizesOf(numbers, outputsOf(numbers))]).toEqual([
      "mse_loss",
      2,
      8,
      8,
      1,
    ]);
    expect(read(`data=drawn&${drawn}`).settings.drawn.map((p) => p[2])).toEqual([0, 1]);
    expect(read("data=drawn_numbers&drawn=0_0_7").settings.drawn).toEqual([]);
  });

  it("falls back where it is wrong", () => {
    const wrong =
      "data=cats&hidden=99&rate=-1&seed=0.5&activation=constructor&drawn=1_2&steps=1e9&features=z&start=a&loss=cross&share=7";
    expect(read(wrong)).toEqual({
      settings: fitting({ ...DEFAULTS, features: [] }),
      steps: 0,
      tab: "",
    });
  });

  it("replays no more steps than a reader waits for", () => {
    expect(read("steps=30000").steps).toBe(20000);
  });

  it("has a loss that suits the data", () => {
    expect(read("data=blobs").settings.loss).toBe("cross_entropy");
    expect(read("data=sine_regression&features=y").settings).toMatchObject({
      loss: "mse_loss",
      features: ["x"],
    });
  });
});

describe("the app", () => {
  it("makes an edited network the start of a run that can be repeated", () => {
    const app = new App({ ...DEFAULTS, points: 40 }, 5);
    app.setWeight(0, "kernel", 3, 1.5);
    expect([app.run.steps, app.run.layers[0]!.kernel[3]]).toEqual([0, 1.5]);
    app.step();
    const after = packed(app.run.layers);
    app.reset();
    app.step();
    expect(packed(app.run.layers)).toEqual(after);
    app.change({ seed: 4 });
    expect(app.settings.start).toBeNull();
  });
});

it("formulas name what is on the screen", () => {
  const text = formulaOf({ ...DEFAULTS, l2: 0.1, activation: "relu", dropout: 0.5 }, 250).join(
    "\n",
  );
  for (const part of [
    "a⁰ = (x, y)",
    "drop(relu(z¹))",
    "W³: 8×1",
    "0.1·Σw²",
    "max(z, 0)",
    "1/250",
    "η = 0.03",
  ])
    expect(text).toContain(part);
});

it("quantiles and ticks", () => {
  expect([quantile([3, 1, 2], 0.5), quantile([1, 2], 0.5), quantile([1, NaN], 1)]).toEqual([
    2,
    1.5,
    Infinity,
  ]);
  expect(ticks([0, 1], 4)).toHaveLength(3);
});
