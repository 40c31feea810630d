/** The update of one array by each optimizer, as `jaxdl.optim` computes it. */

/** An array of parameters with its gradient and what the algorithm remembers of it. */
export interface Slot {
  p: Float64Array;
  g: Float64Array;
  columns: number; // of a kernel; 0 for a bias
  memory: Float64Array[];
}

export interface Rule {
  /** Sizes of the arrays to remember, for an array of a size, and what they begin with. */
  remember(size: number, columns: number, rate: number): Float64Array[];
  /** Changes `p` and `memory` in place; t counts from 1. */
  update(slot: Slot, rate: number, t: number): void;
}

const [B1, B2, EPS] = [0.9, 0.999, 1e-8];

const { abs, expm1, log, max, min, sign, sqrt } = Math;

const zeros = (count: number) => (size: number) =>
  Array.from({ length: count }, () => new Float64Array(size));
const bias = (decay: number, t: number): number => -expm1(t * log(decay));
const square = (x: number): number => x * x;

/** A rule that changes each number apart; `step` returns what is subtracted. */
function each(
  count: number,
  step: (slot: Slot, i: number, rate: number, t: number) => number,
  remember: Rule["remember"] = zeros(count),
): Rule {
  const update: Rule["update"] = (slot, rate, t) => {
    for (let i = 0; i < slot.p.length; i++) slot.p[i]! -= step(slot, i, rate, t);
  };
  return { remember, update };
}

export function momentum(decay: number, nesterov: boolean): Rule {
  if (decay === 0) return each(0, ({ g }, i, rate) => rate * g[i]!);
  return each(1, ({ g, memory: [v] }, i, rate) => {
    v![i] = decay * v![i]! + g[i]!;
    return rate * (nesterov ? g[i]! + decay * v![i]! : v![i]!);
  });
}

/** The means of gradients and of their squares, updated and then returned without correction. */
function means({ g, memory: [m, v] }: Slot, i: number): [number, number] {
  m![i] = B1 * m![i]! + (1 - B1) * g[i]!;
  v![i] = B2 * v![i]! + (1 - B2) * square(g[i]!);
  return [m![i]!, v![i]!];
}

export function adam(weightDecay: number, amsgrad: boolean): Rule {
  return each(amsgrad ? 3 : 2, (slot, i, rate, t) => {
    let [m, v] = means(slot, i);
    const most = slot.memory[2];
    if (most) v = most[i] = max(most[i]!, v);
    const step = m / bias(B1, t) / (sqrt(v / bias(B2, t)) + EPS);
    return rate * (step + weightDecay * slot.p[i]!);
  });
}

export const adamax = each(2, ({ g, memory: [m, u] }, i, rate, t) => {
  m![i] = B1 * m![i]! + (1 - B1) * g[i]!;
  u![i] = max(B2 * u![i]!, abs(g[i]!) + EPS);
  return (rate * m![i]!) / (bias(B1, t) * u![i]!);
});

/** The third array holds the product of all momenta, the same for each number. */
export const nadam = each(
  3,
  (slot, i, rate, t) => {
    const [m, v] = means(slot, i);
    const momentumAt = (n: number) => B1 * (1 - 0.5 * 0.96 ** (0.004 * n));
    const [now, later] = [momentumAt(t), momentumAt(t + 1)];
    const product = (slot.memory[2]![i]! *= now);
    const ahead = ((1 - now) / (1 - product)) * slot.g[i]! + (later / (1 - product * later)) * m;
    return (rate * ahead) / (sqrt(v / bias(B2, t)) + EPS);
  },
  (size) => [new Float64Array(size), new Float64Array(size), new Float64Array(size).fill(1)],
);

export const radam = each(2, (slot, i, rate, t) => {
  const [m, v] = means(slot, i);
  return ((rate * m) / bias(B1, t)) * rectified(v, t);
});

function rectified(v: number, t: number): number {
  const limit = 2 / (1 - B2) - 1;
  const length = limit - (2 * t * B2 ** t) / bias(B2, t);
  if (length <= 5) return 1;
  const ratio = (((length - 4) * (length - 2)) / length) * (limit / ((limit - 4) * (limit - 2)));
  return (sqrt(ratio) * sqrt(bias(B2, t))) / (sqrt(v) + EPS);
}

export const rmsprop = each(1, ({ g, memory: [v] }, i, rate) => {
  v![i] = 0.99 * v![i]! + 0.01 * square(g[i]!);
  return (rate * g[i]!) / (sqrt(v![i]!) + EPS);
});

export const adagrad = each(1, ({ g, memory: [total] }, i, rate) => {
  total![i]! += square(g[i]!);
  return (rate * g[i]!) / (sqrt(total![i]!) + 1e-10);
});

export const adadelta = each(2, ({ g, memory: [v, u] }, i, rate) => {
  v![i] = 0.9 * v![i]! + 0.1 * square(g[i]!);
  const d = (sqrt(u![i]! + 1e-6) / sqrt(v![i]! + 1e-6)) * g[i]!;
  u![i] = 0.9 * u![i]! + 0.1 * d * d;
  return rate * d;
});

export const asgd = each(0, ({ p, g }, i, rate, t) => {
  const fallen = rate / (1 + 1e-4 * rate * (t - 1)) ** 0.75;
  return fallen * (g[i]! + 1e-4 * p[i]!);
});

export const rprop = each(
  2,
  ({ g, memory: [last, size] }, i) => {
    const turn = sign(g[i]!) * last![i]!;
    const factor = turn > 0 ? 1.2 : turn < 0 ? 0.5 : 1;
    size![i] = min(max(size![i]! * factor, 1e-6), 50);
    last![i] = turn < 0 ? 0 : sign(g[i]!);
    return last![i]! * size![i]!;
  },
  (size, _, rate) => [new Float64Array(size), new Float64Array(size).fill(rate)],
);

const FLOAT32_EPS = 2 ** -23;

/** The second moment of a kernel is the product of its rows' and its columns' means. */
export const adafactor: Rule = {
  remember: (size, columns) =>
    columns ? [new Float64Array(size / columns), new Float64Array(columns)] : zeros(1)(size),
  update(slot, rate, t) {
    const { p, g } = slot;
    const v = slot.columns ? factored(slot, t ** -0.8) : whole(slot, t ** -0.8);
    const u = g.map((x, i) => x / sqrt(max(v(i), FLOAT32_EPS ** 2)));
    const alpha = max(1e-3, rms(p)) * min(rate, 1 / sqrt(t));
    const size = alpha / max(1, rms(u));
    for (let i = 0; i < p.length; i++) p[i]! -= size * u[i]!;
  },
};

function whole({ g, memory: [v] }: Slot, weight: number): (i: number) => number {
  for (let i = 0; i < g.length; i++) v![i]! += weight * (square(g[i]!) - v![i]!);
  return (i) => v![i]!;
}

function factored(
  { g, columns, memory: [row, column] }: Slot,
  weight: number,
): (i: number) => number {
  const rows = g.length / columns;
  const [ofRow, ofColumn] = [new Float64Array(rows), new Float64Array(columns)];
  for (let i = 0; i < g.length; i++) {
    ofRow[Math.floor(i / columns)]! += square(g[i]!) / columns;
    ofColumn[i % columns]! += square(g[i]!) / rows;
  }
  for (let i = 0; i < rows; i++) row![i]! += weight * (ofRow[i]! - row![i]!);
  for (let i = 0; i < columns; i++) column![i]! += weight * (ofColumn[i]! - column![i]!);
  const mean = max(row!.reduce((a, b) => a + b, 0) / rows, FLOAT32_EPS);
  return (i) => (row![Math.floor(i / columns)]! * column![i % columns]!) / mean;
}

function rms(x: Float64Array): number {
  return sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);
}
