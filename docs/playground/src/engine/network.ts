/** A multilayer perceptron with the start of `jaxdl.models.mlp`, forward and backward. */

import { activationOf, type Activation } from "./activations";
import { bernoulli, foldIn, split, uniform, type Key } from "./random";

export interface Dense {
  nIn: number;
  nOut: number;
  kernel: Float64Array; // (nIn, nOut), row by row
  bias: Float64Array;
}

/** What the network computed for a batch, kept for the way back and for the pictures. */
export interface Trace {
  rows: number;
  z: Float64Array[]; // before the activation, a layer each; the last are the predictions
  a: Float64Array[]; // what enters each layer; the first are the features
  kept: (Uint8Array | null)[]; // which activations dropout kept, a hidden layer each
  delta: Float64Array[]; // ∂loss/∂z, filled by `backward`
}

export interface Dropout {
  rate: number;
  key: Key; // of the step
}

/** The parameters that `train.init_state(models.mlp(sizes, rate=…), tx, key)` draws. */
export function initialised(sizes: number[], key: Key, rate: number): Dense[] {
  const [initKey] = split(key);
  return sizes
    .slice(1)
    .map((nOut, layer) => dense(sizes[layer]!, nOut, foldIn(initKey, place(layer, rate))));
}

/** The position of a dense layer in `serial`, between activations and dropout. */
function place(layer: number, rate: number): number {
  return layer * (rate > 0 ? 3 : 2);
}

function dense(nIn: number, nOut: number, key: Key): Dense {
  const [kernelKey, biasKey] = split(key);
  const bound = Math.fround(Math.sqrt(Math.fround(3 * Math.fround(1 / 3 / nIn))));
  const kernel = Float64Array.from(uniform(kernelKey, nIn * nOut, -1, 1), (x) =>
    Math.fround(x * bound),
  );
  const end = 1 / Math.sqrt(nIn);
  return { nIn, nOut, kernel, bias: Float64Array.from(uniform(biasKey, nOut, -end, end)) };
}

export function copied(layers: Dense[]): Dense[] {
  return layers.map((layer) => ({
    ...layer,
    kernel: layer.kernel.slice(),
    bias: layer.bias.slice(),
  }));
}

/** Room for the trace of a number of rows. */
export function traceOf(layers: Dense[], rows: number): Trace {
  const wide = (size: number) => new Float64Array(rows * size);
  const hidden = layers.slice(0, -1);
  return {
    rows,
    z: layers.map((layer) => wide(layer.nOut)),
    a: layers.map((layer) => wide(layer.nIn)),
    kept: hidden.map(() => null),
    delta: layers.map((layer) => wide(layer.nOut)),
  };
}

/** Fills the trace from its features on; with dropout as in training, without it as in evaluation. */
export function forward(
  layers: Dense[],
  name: string,
  trace: Trace,
  dropout?: Dropout,
): Float64Array {
  const activation = activationOf(name);
  layers.forEach((layer, l) => {
    affine(layer, trace.a[l]!, trace.z[l]!, trace.rows);
    if (l === layers.length - 1) return;
    const drawn = dropout && dropout.rate > 0;
    trace.kept[l] = drawn ? masks(dropout, l, trace.z[l]!.length) : null;
    activate(activation, trace.z[l]!, trace.a[l + 1]!, trace.kept[l]!, dropout?.rate ?? 0);
  });
  return trace.z[layers.length - 1]!;
}

/** Dropout stands after the activation: at 2, 5, … in `serial`. */
function masks({ rate, key }: Dropout, layer: number, size: number): Uint8Array {
  return bernoulli(foldIn(key, 3 * layer + 2), 1 - rate, size);
}

function affine(
  { nIn, nOut, kernel, bias }: Dense,
  x: Float64Array,
  out: Float64Array,
  rows: number,
): void {
  for (let n = 0; n < rows; n++) {
    const to = n * nOut;
    for (let j = 0; j < nOut; j++) out[to + j] = bias[j]!;
    for (let i = 0; i < nIn; i++) {
      const value = x[n * nIn + i]!;
      for (let j = 0; j < nOut; j++) out[to + j]! += value * kernel[i * nOut + j]!;
    }
  }
}

function activate(
  f: Activation,
  z: Float64Array,
  out: Float64Array,
  kept: Uint8Array | null,
  rate: number,
): void {
  const value = f.value;
  for (let i = 0; i < z.length; i++) out[i] = value(z[i]!);
  if (kept) for (let i = 0; i < z.length; i++) out[i] = kept[i] ? out[i]! / (1 - rate) : 0;
}

/** Turns the gradient by the predictions, in the trace's last delta, into those of all layers. */
export function backward(layers: Dense[], name: string, trace: Trace, rate: number): Dense[] {
  const activation = activationOf(name);
  const gradients: Dense[] = [];
  for (let l = layers.length - 1; l >= 0; l--) {
    gradients.unshift(gradientOf(layers[l]!, trace.a[l]!, trace.delta[l]!, trace.rows));
    if (l > 0) passBack(layers[l]!, activation, trace, l, rate);
  }
  return gradients;
}

function gradientOf(
  { nIn, nOut }: Dense,
  x: Float64Array,
  delta: Float64Array,
  rows: number,
): Dense {
  const [kernel, bias] = [new Float64Array(nIn * nOut), new Float64Array(nOut)];
  for (let n = 0; n < rows; n++) {
    for (let j = 0; j < nOut; j++) bias[j]! += delta[n * nOut + j]!;
    for (let i = 0; i < nIn; i++) {
      const value = x[n * nIn + i]!;
      for (let j = 0; j < nOut; j++) kernel[i * nOut + j]! += value * delta[n * nOut + j]!;
    }
  }
  return { nIn, nOut, kernel, bias };
}

/** δ of the layer below: (δ·Wᵀ) times the slope of its activation, 0 where it was dropped. */
function passBack(
  { nIn, nOut, kernel }: Dense,
  f: Activation,
  trace: Trace,
  l: number,
  rate: number,
): void {
  const [delta, below, z] = [trace.delta[l]!, trace.delta[l - 1]!, trace.z[l - 1]!];
  const kept = trace.kept[l - 1];
  for (let n = 0; n < trace.rows; n++) {
    for (let i = 0; i < nIn; i++) {
      let sum = 0;
      for (let j = 0; j < nOut; j++) sum += delta[n * nOut + j]! * kernel[i * nOut + j]!;
      const at = n * nIn + i;
      const share = kept ? (kept[at] ? 1 / (1 - rate) : 0) : 1;
      below[at] = sum * share * f.slope(z[at]!);
    }
  }
}
