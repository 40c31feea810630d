/** The state of the page: what is trained, how far, and who wants to know. */

import {
  advance,
  batchSize,
  begun,
  evaluated,
  outputsOf,
  packed,
  stepsPerEpoch,
  type Run,
} from "./engine/run";
import { copied } from "./engine/network";
import { DEFAULTS, fitting, sizesOf, type Settings } from "./engine/settings";

/** "structure": the settings changed; "frame": the network learned; "play": it began or stopped. */
export type Event = "structure" | "frame" | "play";

export interface Row {
  step: number;
  train: number;
  test: number;
}

/** How many steps a frame takes; "slow" takes five a second. */
export const SPEEDS = { slow: 0, "1 a frame": 1, "5 a frame": 5, "25 a frame": 25 } as const;
export type Speed = keyof typeof SPEEDS;

const MOST_ROWS = 600; // of the history, which is thinned beyond: two for each dot of the chart
const BUDGET = 11; // milliseconds of a frame for steps

export class App {
  run: Run;
  history: Row[] = [];
  right = { train: NaN, test: NaN };
  playing = false;
  speed: Speed = "1 a frame";
  private readonly listeners: ((event: Event) => void)[] = [];
  private lastSlow = 0;

  constructor(settings: Settings = DEFAULTS, steps = 0) {
    this.run = begun(fitting(settings));
    this.record();
    this.replay(steps);
  }

  get settings(): Settings {
    return this.run.settings;
  }

  get epoch(): number {
    return this.run.steps / stepsPerEpoch(this.run);
  }

  get batchRows(): number {
    return batchSize(this.run.settings, this.run.data);
  }

  listen(listener: (event: Event) => void): void {
    this.listeners.push(listener);
  }

  /** Changes settings; the run begins again, since another run has other numbers. */
  change(changes: Partial<Settings>): void {
    const before = this.settings;
    const settings = fitting({ ...before, start: null, ...changes });
    if (!sameData(before, settings) || settings.loss !== before.loss) this.run = begun(settings);
    else this.run = begun(settings, this.run.data);
    this.restart();
  }

  /** Goes back to step 0. */
  reset(): void {
    this.run = begun(this.settings, this.run.data);
    this.playing = false;
    this.restart();
    this.tell("play");
  }

  /** Sets one weight; the weights as they are now become the start of another run. */
  setWeight(layer: number, array: "kernel" | "bias", place: number, value: number): void {
    const layers = copied(this.run.layers);
    layers[layer]![array][place] = Math.fround(value);
    this.change({ start: packed(layers) });
  }

  play(on: boolean): void {
    this.playing = on;
    this.tell("play");
  }

  step(): void {
    this.playing = false;
    advance(this.run);
    this.record();
    this.tell("play");
    this.tell("frame");
  }

  /** What a frame does: as many steps as the speed asks for and the time allows. */
  frame(now: number): void {
    if (!this.playing) return;
    if (this.speed === "slow" && now - this.lastSlow < 200) return;
    this.lastSlow = now;
    const until = performance.now() + BUDGET;
    const steps = Math.max(1, SPEEDS[this.speed]);
    for (let i = 0; i < steps && (i === 0 || performance.now() < until); i++) advance(this.run);
    this.record();
    this.tell("frame");
  }

  get sizes(): number[] {
    return sizesOf(this.settings, outputsOf(this.settings));
  }

  private replay(steps: number): void {
    for (let i = 0; i < steps; i++) {
      advance(this.run);
      if (i % 10 === 0 || i === steps - 1) this.record();
    }
  }

  private restart(): void {
    this.history = [];
    this.record();
    this.tell("structure");
    this.tell("frame");
  }

  private record(): void {
    const train = evaluated(this.run, this.run.data.train);
    const test = evaluated(this.run, this.run.data.test);
    this.right = { train: train.right, test: test.right };
    this.history.push({ step: this.run.steps, train: train.loss, test: test.loss });
    if (this.history.length > MOST_ROWS) this.history = this.history.filter((_, i) => i % 2 === 0);
    if (!Number.isFinite(train.loss)) this.playing = false;
  }

  private tell(event: Event): void {
    for (const listener of this.listeners) listener(event);
  }
}

const OF_DATA = ["data", "drawn", "points", "noise", "share", "dataSeed", "features"] as const;

function sameData(a: Settings, b: Settings): boolean {
  return OF_DATA.every((name) => JSON.stringify(a[name]) === JSON.stringify(b[name]));
}
