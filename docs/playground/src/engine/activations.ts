/** The activations of `jaxdl.activations` that take one number, with their slopes. */

import { erf, sigmoid, softplus } from "./special";

export interface Activation {
  formula: string;
  value(z: number): number;
  slope(z: number): number;
}

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

const { abs, exp, expm1, log1p, max, min, sign, sqrt, tanh } = Math;

const tanhSlope = (z: number): number => 1 - tanh(z) ** 2;
const inside = (z: number, low: number, high: number): number => (z > low && z < high ? 1 : 0);

export const ACTIVATIONS: Record<string, Activation> = {
  tanh: { formula: "tanh z", value: tanh, slope: tanhSlope },
  relu: { formula: "max(z, 0)", value: (z) => max(z, 0), slope: (z) => (z > 0 ? 1 : 0) },
  sigmoid: {
    formula: "1 / (1 + exp(−z))",
    value: sigmoid,
    slope: (z) => sigmoid(z) * sigmoid(-z),
  },
  identity: { formula: "z", value: (z) => z, slope: () => 1 },
  leaky_relu: {
    formula: "z if z > 0, else 0.01·z",
    value: (z) => (z > 0 ? z : 0.01 * z),
    slope: (z) => (z > 0 ? 1 : 0.01),
  },
  elu: {
    formula: "z if z > 0, else exp(z) − 1",
    value: (z) => (z > 0 ? z : expm1(z)),
    slope: (z) => (z > 0 ? 1 : exp(z)),
  },
  celu: {
    formula: "max(z, 0) + min(exp(z) − 1, 0)",
    value: (z) => (z > 0 ? z : expm1(z)),
    slope: (z) => (z > 0 ? 1 : exp(z)),
  },
  selu: {
    formula: "1.0507·(z if z > 0, else 1.6733·(exp(z) − 1))",
    value: (z) => SELU_SCALE * (z > 0 ? z : SELU_ALPHA * expm1(z)),
    slope: (z) => SELU_SCALE * (z > 0 ? 1 : SELU_ALPHA * exp(z)),
  },
  gelu: {
    formula: "z·Φ(z), with Φ the normal distribution",
    value: (z) => z * normalShare(z),
    slope: (z) => normalShare(z) + (z * exp((-z * z) / 2)) / sqrt(2 * Math.PI),
  },
  silu: {
    formula: "z / (1 + exp(−z))",
    value: (z) => z * sigmoid(z),
    slope: (z) => sigmoid(z) * (1 + z * sigmoid(-z)),
  },
  mish: {
    formula: "z·tanh(log(1 + exp(z)))",
    value: (z) => z * tanh(softplus(z)),
    slope: (z) => tanh(softplus(z)) + z * tanhSlope(softplus(z)) * sigmoid(z),
  },
  softplus: {
    formula: "log(1 + exp(z))",
    value: (z) => (z > 20 ? z : log1p(exp(z))),
    slope: (z) => (z > 20 ? 1 : sigmoid(z)),
  },
  squareplus: {
    formula: "(z + √(z² + 4)) / 2",
    value: (z) => max(z, 0) + 2 / (sqrt(z * z + 4) + abs(z)),
    slope: (z) => (max(z, 0) + 2 / (sqrt(z * z + 4) + abs(z))) / sqrt(z * z + 4),
  },
  softsign: {
    formula: "z / (1 + |z|)",
    value: (z) => z / (1 + abs(z)),
    slope: (z) => 1 / (1 + abs(z)) ** 2,
  },
  logsigmoid: {
    formula: "−log(1 + exp(−z))",
    value: (z) => -softplus(-z),
    slope: (z) => sigmoid(-z),
  },
  tanhshrink: { formula: "z − tanh z", value: (z) => z - tanh(z), slope: (z) => tanh(z) ** 2 },
  hardtanh: {
    formula: "min(max(z, −1), 1)",
    value: (z) => min(max(z, -1), 1),
    slope: (z) => inside(z, -1, 1),
  },
  hardsigmoid: {
    formula: "min(max(z / 6 + ½, 0), 1)",
    value: (z) => min(max(z / 6 + 0.5, 0), 1),
    slope: (z) => inside(z, -3, 3) / 6,
  },
  hardswish: {
    formula: "z·min(max(z / 6 + ½, 0), 1)",
    value: (z) => z * min(max(z / 6 + 0.5, 0), 1),
    slope: (z) => min(max(z / 6 + 0.5, 0), 1) + (z * inside(z, -3, 3)) / 6,
  },
  hardshrink: {
    formula: "z if |z| > ½, else 0",
    value: (z) => (abs(z) > 0.5 ? z : 0),
    slope: (z) => (abs(z) > 0.5 ? 1 : 0),
  },
  softshrink: {
    formula: "sign(z)·max(|z| − ½, 0)",
    value: (z) => sign(z) * max(abs(z) - 0.5, 0),
    slope: (z) => (abs(z) > 0.5 ? 1 : 0),
  },
  relu6: {
    formula: "min(max(z, 0), 6)",
    value: (z) => min(max(z, 0), 6),
    slope: (z) => inside(z, 0, 6),
  },
  step: { formula: "1 if z ≥ 0, else 0 (slope 0)", value: (z) => (z >= 0 ? 1 : 0), slope: () => 0 },
};

/** The activation of a name. */
export function activationOf(name: string): Activation {
  const found = ACTIVATIONS[name];
  if (!found) throw new Error(`activationOf: no activation ${name}`);
  return found;
}

function normalShare(z: number): number {
  return 0.5 + 0.5 * erf(z * Math.SQRT1_2);
}
