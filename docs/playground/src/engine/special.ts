/** Functions that JavaScript's Math lacks. */

const STEPS = 64;
const END = 6;
const NODES = erfAtNodes();

/** The error function to 1e-9, interpolated by cubics between nodes with exact slopes. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (!(size < END)) return Number.isNaN(x) ? x : Math.sign(x);
  const i = Math.floor(size * STEPS);
  const t = size * STEPS - i;
  const [left, right] = [erfSlope(i / STEPS) / STEPS, erfSlope((i + 1) / STEPS) / STEPS];
  const rise = NODES[i + 1]! - NODES[i]!;
  const bend = t * (1 - t) * ((left - rise) * (1 - t) + (rise - right) * t);
  return Math.sign(x) * (NODES[i]! + t * rise + bend);
}

export function erfSlope(x: number): number {
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x);
}

export function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

/** log(1 + exp(x)) without overflow. */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** The integral of the slope up to each node, by Simpson's rule. */
function erfAtNodes(): Float64Array {
  const nodes = new Float64Array(END * STEPS + 2);
  for (let i = 1; i < nodes.length; i++) {
    const [a, b] = [(i - 1) / STEPS, i / STEPS];
    const mean = (erfSlope(a) + 4 * erfSlope((a + b) / 2) + erfSlope(b)) / 6;
    nodes[i] = nodes[i - 1]! + mean / STEPS;
  }
  return nodes;
}
