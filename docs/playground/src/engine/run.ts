/** A run: the data and the network of some settings, trained step by step as `train.fit` does. */

import { featured } from "./features";
import { lossOf, targetOf, type Loss } from "./losses";
import {
  backward,
  copied,
  forward,
  initialised,
  traceOf,
  type Dense,
  type Dropout,
  type Trace,
} from "./network";
import { optimizerOf } from "./optimizers";
import { epochOrder } from "./order";
import { foldIn, keyOf, split, type Key } from "./random";
import type { Slot } from "./rules";
import {
  classesOf,
  drawnPoints,
  isDrawn,
  scaleOf,
  sizesOf,
  usedFeatures,
  type Settings,
} from "./settings";
import { divided, type Parts } from "./split";
import { makeToy, type Points } from "./toys";

/** Rows as the network and the loss take them. */
export interface Part {
  points: Points;
  features: Float64Array;
  targets: Float64Array;
  rows: number;
}

export interface Data {
  train: Part;
  test: Part;
}

export interface Run {
  settings: Settings;
  data: Data;
  layers: Dense[];
  slots: Slot[];
  key: Key; // of training
  steps: number;
  last: number; // what the last step descended: the loss of its batch, with penalties
  trace: Trace; // of that batch
  order: { epoch: number; rows: Int32Array }; // of the rows in the epoch that is trained
}

/** The data of some settings, divided into training and test. */
export function dataOf(settings: Settings): Data {
  const { train, test } = partsOf(settings);
  return { train: prepared(settings, train), test: prepared(settings, test) };
}

export function partsOf(settings: Settings): Parts {
  const { data, points, noise, dataSeed, share } = settings;
  const made = isDrawn(settings) ? drawnPoints(settings) : makeToy(data, points, noise, dataSeed);
  return divided(made, share, dataSeed);
}

function prepared(settings: Settings, points: Points): Part {
  const loss = lossOf(settings.loss);
  const features = featured(usedFeatures(settings), points.x, points.dimensions, scaleOf(settings));
  const targets = Float64Array.from(points.labels, (label) =>
    targetOf(loss, label, points.classes),
  );
  return { points, features, targets, rows: targets.length };
}

/** How many predictions the network makes for a point. */
export function outputsOf(settings: Settings): number {
  return lossOf(settings.loss).target === "class" ? classesOf(settings) : 1;
}

/** A run at step 0; runs that differ in seed or rate may share their data. */
export function begun(settings: Settings, data: Data = dataOf(settings)): Run {
  const key = keyOf(settings.seed);
  const drawn = initialised(sizesOf(settings, outputsOf(settings)), key, settings.dropout);
  const layers = settings.start ? unpacked(drawn, settings.start) : drawn;
  const slots = slotsOf(layers, settings);
  const trace = traceOf(layers, batchSize(settings, data));
  const order = { epoch: -1, rows: new Int32Array() };
  return { settings, data, layers, slots, key: split(key)[1], steps: 0, last: NaN, trace, order };
}

function slotsOf(layers: Dense[], { optimizer, rate }: Settings): Slot[] {
  const { rule } = optimizerOf(optimizer);
  const slot = (p: Float64Array, columns: number): Slot => {
    return {
      p,
      g: new Float64Array(p.length),
      columns,
      memory: rule.remember(p.length, columns, rate),
    };
  };
  return layers.flatMap((layer) => [slot(layer.kernel, layer.nOut), slot(layer.bias, 0)]);
}

export function batchSize({ batch }: Settings, { train }: Data): number {
  return batch > 0 ? Math.min(batch, train.rows) : train.rows;
}

/** How many steps go once over the training part. */
export function stepsPerEpoch({ settings, data }: Run): number {
  return Math.max(1, Math.ceil(data.train.rows / Math.max(1, batchSize(settings, data))));
}

/** Takes one step: θ ← θ − step(∇L(θ)), on the batch whose turn it is. */
export function advance(run: Run): void {
  if (run.data.train.rows === 0) return;
  const gradients = gradient(run);
  const { rule } = optimizerOf(run.settings.optimizer);
  run.steps += 1;
  run.slots.forEach((slot, i) => {
    const layer = gradients[i >> 1]!;
    slot.g = i % 2 ? layer.bias : layer.kernel;
    rule.update(slot, run.settings.rate, run.steps);
  });
}

/** The gradient of the next batch; it leaves the batch's trace and loss in the run. */
export function gradient(run: Run): Dense[] {
  const { settings, layers, data } = run;
  const rows = batchRows(run);
  if (rows.length !== run.trace.rows) run.trace = traceOf(layers, rows.length);
  const targets = gathered(data.train, rows, run.trace.a[0]!);
  const dropout: Dropout = { rate: settings.dropout, key: foldIn(run.key, run.steps) };
  const z = forward(layers, settings.activation, run.trace, dropout);
  run.last = meanLoss(lossOf(settings.loss), z, targets, run.trace.delta.at(-1)!);
  const gradients = backward(layers, settings.activation, run.trace, settings.dropout);
  for (const [i, layer] of layers.entries())
    run.last += penalise(gradients[i]!.kernel, layer.kernel, settings);
  return gradients;
}

/** The rows of the next batch: those of the epoch's order, the last batch the rest. */
export function batchRows(run: Run): Int32Array {
  const [size, perEpoch] = [batchSize(run.settings, run.data), stepsPerEpoch(run)];
  const order = orderOf(run, Math.floor(run.steps / perEpoch));
  const first = (run.steps % perEpoch) * size;
  return order.subarray(first, first + size);
}

/** The rows of an epoch; where all are one batch, their order matters to dropout's masks alone. */
function orderOf(run: Run, epoch: number): Int32Array {
  const { rows } = run.data.train;
  const any = batchSize(run.settings, run.data) === rows && run.settings.dropout === 0;
  if (run.order.epoch !== epoch && !(any && run.order.epoch >= 0)) {
    run.order = { epoch, rows: epochOrder(run.key, epoch, rows) };
  }
  return run.order.rows;
}

function gathered(
  { features, targets, rows }: Part,
  chosen: Int32Array,
  out: Float64Array,
): Float64Array {
  const width = features.length / rows;
  chosen.forEach((row, n) => {
    for (let i = 0; i < width; i++) out[n * width + i] = features[row * width + i]!;
  });
  return Float64Array.from(chosen, (row) => targets[row]!);
}

function meanLoss(
  loss: Loss,
  z: Float64Array,
  targets: Float64Array,
  slope: Float64Array | null,
): number {
  const [rows, size] = [targets.length, z.length / targets.length];
  let sum = 0;
  for (let n = 0; n < rows; n++) sum += loss.row(z, n * size, size, targets[n]!, slope);
  if (slope) for (let i = 0; i < slope.length; i++) slope[i]! /= rows;
  return sum / rows;
}

/** Adds the gradient of l1·Σ|w| + l2·Σw² and returns its value. */
function penalise(g: Float64Array, kernel: Float64Array, { l1, l2 }: Settings): number {
  if (l1 === 0 && l2 === 0) return 0;
  let sum = 0;
  kernel.forEach((w, i) => {
    g[i]! += l1 * Math.sign(w) + 2 * l2 * w;
    sum += l1 * Math.abs(w) + l2 * w * w;
  });
  return sum;
}

/** The loss and the share of right answers on a part, without dropout and penalties. */
export function evaluated({ settings, layers }: Run, part: Part): { loss: number; right: number } {
  if (part.rows === 0) return { loss: NaN, right: NaN };
  const trace = roomFor(layers, part);
  const z = forward(layers, settings.activation, trace);
  const loss = meanLoss(lossOf(settings.loss), z, part.targets, null);
  return { loss, right: rightShare(z, part.points) };
}

const rooms = new WeakMap<Part, Trace>();

/** Room for a part's trace: that of the last evaluation, unless the layers have other sizes. */
function roomFor(layers: Dense[], part: Part): Trace {
  const last = rooms.get(part);
  const fits = last?.z.every((z, l) => z.length === part.rows * (layers[l]?.nOut ?? 0));
  if (last && fits && last.z.length === layers.length) return last;
  const trace = traceOf(layers, part.rows);
  trace.a[0] = part.features;
  rooms.set(part, trace);
  return trace;
}

function rightShare(z: Float64Array, { labels, classes }: Points): number {
  if (classes === 0) return NaN;
  const size = z.length / labels.length;
  let right = 0;
  for (let n = 0; n < labels.length; n++) if (answer(z, n * size, size) === labels[n]) right += 1;
  return right / labels.length;
}

/** The class that predictions stand for: the largest, or whether the only one is above 0. */
export function answer(z: Float64Array, at: number, size: number): number {
  if (size === 1) return z[at]! > 0 ? 1 : 0;
  let best = 0;
  for (let j = 1; j < size; j++) if (z[at + j]! > z[at + best]!) best = j;
  return best;
}

/** All weights in one list, layer by layer: kernel, bias; rounded to what float32 holds. */
export function packed(layers: Dense[]): number[] {
  return layers.flatMap(({ kernel, bias }) => [...kernel, ...bias].map(Math.fround));
}

function unpacked(like: Dense[], weights: number[]): Dense[] {
  const layers = copied(like);
  let at = 0;
  for (const { kernel, bias } of layers) {
    for (const array of [kernel, bias])
      for (let i = 0; i < array.length; i++) array[i] = weights[at++] ?? 0;
  }
  return layers;
}
