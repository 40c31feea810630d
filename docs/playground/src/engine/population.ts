/** Populations: the same network with many seeds or learning rates, side by side. */

import { advance, begun, evaluated, stepsPerEpoch, type Data, type Run } from "./run";
import type { Settings } from "./settings";

export type Kind = "seed" | "rate";

/** The values that members differ in: seeds from the network's on, or rates around its own. */
export function members({ seed, rate }: Settings, kind: Kind, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    if (kind === "seed") return seed + i;
    return Number((rate * 10 ** ((4 * i) / (count - 1) - 2)).toPrecision(3));
  });
}

export function settingsOf(settings: Settings, kind: Kind, value: number): Settings {
  return { ...settings, start: null, [kind]: value };
}

/** The losses of all members at a step: of the training part, and of the test part. */
export interface Losses {
  step: number;
  train: number[];
  test: number[];
}

export class Population {
  readonly runs: Run[];
  readonly history: Losses[] = [];

  constructor(
    settings: Settings,
    readonly kind: Kind,
    readonly values: number[],
    data: Data,
  ) {
    this.runs = values.map((value) => begun(settingsOf(settings, kind, value), data));
    this.record();
  }

  get steps(): number {
    return this.runs[0]!.steps;
  }

  get epochs(): number {
    return this.steps / stepsPerEpoch(this.runs[0]!);
  }

  /** Takes steps with every member until the time is over; all members stay abreast. */
  advance(budget: number, steps: number): void {
    const until = performance.now() + budget;
    for (let i = 0; i < steps && (i === 0 || performance.now() < until); i++) {
      for (const run of this.runs) advance(run);
    }
  }

  /** Writes the losses of all members into the history. */
  record(): void {
    if (this.history.at(-1)?.step === this.steps) return;
    const losses = (part: "train" | "test") =>
      this.runs.map((run) => evaluated(run, run.data[part]).loss);
    this.history.push({ step: this.steps, train: losses("train"), test: losses("test") });
    if (this.history.length > 400)
      this.history.splice(0, this.history.length, ...this.history.filter((_, i) => i % 2 === 0));
  }
}

/** The value that a share of the numbers lies below; what isn't finite lies above all. */
export function quantile(numbers: number[], share: number): number {
  const sorted = numbers.map((x) => (Number.isFinite(x) ? x : Infinity)).sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return low === high ? low : low + (high - low) * (place - Math.floor(place));
}
