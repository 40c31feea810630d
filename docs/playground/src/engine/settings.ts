/** Everything that decides a run: the same settings give the same numbers, here and in jaxdl. */

import { usable } from "./features";
import { lossesFor } from "./losses";
import { TOYS, type Points } from "./toys";

/** A point drawn by hand: x, y and its class, or its number in [−1, 1]. */
export type Drawn = readonly [number, number, number];

export interface Settings {
  data: string; // a name of TOYS, or of DRAWN
  drawn: Drawn[];
  points: number;
  noise: number;
  share: number; // of the points, for training
  dataSeed: number;
  features: string[];
  hidden: number[];
  activation: string;
  loss: string;
  optimizer: string;
  rate: number;
  batch: number; // 0 for all rows at once
  l1: number;
  l2: number;
  dropout: number;
  seed: number;
  start: number[] | null; // weights set by hand, layer by layer: kernel, bias
}

export const DEFAULTS: Settings = {
  data: "circles",
  drawn: [],
  points: 500,
  noise: 0.1,
  share: 0.5,
  dataSeed: 0,
  features: ["x", "y"],
  hidden: [8, 8],
  activation: "tanh",
  loss: "binary_cross_entropy_with_logits",
  optimizer: "adam",
  rate: 0.03,
  batch: 0,
  l1: 0,
  l2: 0,
  dropout: 0,
  seed: 0,
  start: null,
};

export const MOST_LAYERS = 6;
export const MOST_NEURONS = 8;

/** Points of one's own: what each of them has. */
export const DRAWN: Record<string, { title: string; classes: number }> = {
  drawn: { title: "your own classes", classes: 2 },
  drawn_numbers: { title: "your own numbers", classes: 0 },
};

export function isDrawn(settings: Settings): boolean {
  return settings.data in DRAWN;
}

/** The number of classes of the chosen data; 0 for numbers. */
export function classesOf({ data }: Settings): number {
  return (TOYS[data] ?? DRAWN[data]!).classes;
}

export function dimensionsOf(settings: Settings): 1 | 2 {
  return !isDrawn(settings) && classesOf(settings) === 0 ? 1 : 2;
}

/** How far the coordinates of the chosen data are divided. */
export function scaleOf(settings: Settings): number {
  return TOYS[settings.data]?.scale ?? 1;
}

export function usedFeatures(settings: Settings): string[] {
  return usable(settings.features, dimensionsOf(settings));
}

/** The sizes of the network's layers, features and predictions included. */
export function sizesOf(settings: Settings, outputs: number): number[] {
  return [usedFeatures(settings).length, ...settings.hidden, outputs];
}

/** Settings whose parts fit together: a loss that suits the data, above all. */
export function fitting(settings: Settings): Settings {
  const losses = lossesFor(classesOf(settings));
  const loss = losses.includes(settings.loss) ? settings.loss : losses[0]!;
  const drawn = settings.data === "drawn" ? settings.drawn.map(inClasses) : settings.drawn;
  return { ...settings, drawn, loss, features: usedFeatures(settings) };
}

/** A number above 0 becomes class 1. */
function inClasses([x, y, value]: Drawn): Drawn {
  return [x, y, value > 0 ? 1 : 0];
}

export function drawnPoints(settings: Settings): Points {
  const { drawn } = settings;
  return {
    x: Float32Array.from(drawn.flatMap(([x, y]) => [x, y])),
    labels: Float32Array.from(drawn, (point) => point[2]),
    dimensions: 2,
    classes: classesOf(settings),
  };
}
