/** Losses of `jaxdl.losses`, one row at a time, each with its gradient by the predictions. */

import { sigmoid, softplus } from "./special";

/** What the labels become before the loss: 0 or 1, −1 or 1, the class, or a number as it is. */
export type Target = "bit" | "sign" | "class";

export interface Loss {
  formula: string;
  target: Target;
  regression: boolean; // whether it also suits numbers
  /** The loss of a row of predictions from `at` on; writes its gradient, if there is a place. */
  row(z: Float64Array, at: number, size: number, label: number, slope: Float64Array | null): number;
}

type Of = (z: number, t: number) => number;

const { abs, exp, log1p, max, sign, tanh } = Math;

export const LOSSES: Record<string, Loss> = {
  binary_cross_entropy_with_logits: single(
    "−t·log σ(z) − (1 − t)·log(1 − σ(z))",
    "bit",
    (z, t) => (z > 0 ? 1 - t : -t) * z + log1p(exp(-abs(z))),
    (z, t) => sigmoid(z) - t,
  ),
  mse_loss: regression(
    "(z − t)²",
    (d) => d * d,
    (d) => 2 * d,
  ),
  l1_loss: regression("|z − t|", abs, sign),
  huber_loss: regression(
    "½d² if |d| < 1, else |d| − ½, with d = z − t",
    (d) => (abs(d) < 1 ? 0.5 * d * d : abs(d) - 0.5),
    (d) => (abs(d) < 1 ? d : sign(d)),
  ),
  log_cosh: regression("log cosh(z − t)", (d) => softplus(2 * d) - d - Math.LN2, tanh),
  hinge: single(
    "max(0, 1 − t·z)",
    "sign",
    (z, t) => max(0, 1 - t * z),
    (z, t) => (1 - t * z > 0 ? -t : 0),
  ),
  squared_hinge: single(
    "max(0, 1 − t·z)²",
    "sign",
    (z, t) => max(0, 1 - t * z) ** 2,
    (z, t) => -2 * t * max(0, 1 - t * z),
  ),
  soft_margin_loss: single(
    "log(1 + exp(−t·z))",
    "sign",
    (z, t) => softplus(-t * z),
    (z, t) => -t * sigmoid(-t * z),
  ),
  perceptron_loss: single(
    "max(0, −t·z)",
    "sign",
    (z, t) => max(0, -t * z),
    (z, t) => (-t * z < 0 ? 0 : -t),
  ),
  binary_focal_cross_entropy: single(
    "(1 − p)²·(−log p), p of the right class",
    "bit",
    focal,
    focalSlope,
  ),
  cross_entropy: {
    formula: "log Σⱼ exp(zⱼ) − z_t",
    target: "class",
    regression: false,
    row: crossEntropy,
  },
  multi_margin_loss: {
    formula: "Σⱼ max(0, 1 − z_t + zⱼ) / C over the wrong classes j",
    target: "class",
    regression: false,
    row: multiMargin,
  },
};

/** The loss of a name. */
export function lossOf(name: string): Loss {
  const found = LOSSES[name];
  if (!found) throw new Error(`lossOf: no loss ${name}`);
  return found;
}

/** The losses that suit data with this number of classes; 0 stands for numbers. */
export function lossesFor(classes: number): string[] {
  return Object.keys(LOSSES).filter((name) => {
    const loss = LOSSES[name]!;
    if (classes === 0) return loss.regression;
    return classes === 2 || loss.target === "class";
  });
}

/** A label as a loss of one prediction wants it. */
export function targetOf(loss: Loss, label: number, classes: number): number {
  return classes === 2 && loss.target === "sign" ? 2 * label - 1 : label;
}

function single(formula: string, target: Target, value: Of, slope: Of): Loss {
  const row: Loss["row"] = (z, at, _, label, out) => {
    if (out) out[at] = slope(z[at]!, label);
    return value(z[at]!, label);
  };
  return { formula, target, regression: false, row };
}

function regression(
  formula: string,
  value: (d: number) => number,
  slope: (d: number) => number,
): Loss {
  const both = single(
    formula,
    "sign",
    (z, t) => value(z - t),
    (z, t) => slope(z - t),
  );
  return { ...both, regression: true };
}

function focal(z: number, t: number): number {
  const right = t ? z : -z;
  return sigmoid(-right) ** 2 * softplus(-right);
}

function focalSlope(z: number, t: number): number {
  const [right, way] = t ? [z, 1] : [-z, -1];
  const missed = sigmoid(-right);
  return way * missed ** 2 * (-2 * sigmoid(right) * softplus(-right) - missed);
}

function crossEntropy(
  z: Float64Array,
  at: number,
  size: number,
  label: number,
  out: Float64Array | null,
): number {
  let most = -Infinity;
  for (let j = 0; j < size; j++) most = max(most, z[at + j]!);
  let sum = 0;
  for (let j = 0; j < size; j++) sum += exp(z[at + j]! - most);
  if (out)
    for (let j = 0; j < size; j++)
      out[at + j] = exp(z[at + j]! - most) / sum - (j === label ? 1 : 0);
  return Math.log(sum) + most - z[at + label]!;
}

function multiMargin(
  z: Float64Array,
  at: number,
  size: number,
  label: number,
  out: Float64Array | null,
): number {
  let [sum, short] = [0, 0];
  for (let j = 0; j < size; j++) {
    const gap = j === label ? 0 : max(0, 1 - z[at + label]! + z[at + j]!);
    sum += gap;
    if (gap > 0) short += 1;
    if (out) out[at + j] = gap > 0 ? 1 / size : 0;
  }
  if (out) out[at + label] = -short / size;
  return sum / size;
}
