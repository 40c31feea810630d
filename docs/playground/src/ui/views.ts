/** What every neuron answers to every point of the plane, or of the line. */

import { featured } from "../engine/features";
import { forward, traceOf, type Dense, type Trace } from "../engine/network";
import type { Run } from "../engine/run";
import { dimensionsOf, isDrawn, scaleOf, usedFeatures, type Settings } from "../engine/settings";
import { lossOf } from "../engine/losses";
import { sigmoid } from "../engine/special";
import { css, sharesPixel, signedPixel, BLUE } from "./palette";

export const SIDE = 40; // points along each side of a view
const LINE = 120; // points of a view of a line

export interface View {
  dimensions: 1 | 2;
  half: number; // the plane reaches from −half to half
  x: Float32Array; // its points
  features: Float64Array;
  trace: Trace;
}

/** The plane around the data, and room for what the network makes of it. */
export function viewOf(run: Run): View {
  const dimensions = dimensionsOf(run.settings);
  const half = extent(run);
  const x = dimensions === 1 ? line(half) : plane(half);
  const features = featured(usedFeatures(run.settings), x, dimensions, scaleOf(run.settings));
  return { dimensions, half, x, features, trace: traceOf(run.layers, x.length / dimensions) };
}

function extent({ settings, data }: Run): number {
  if (isDrawn(settings)) return 1;
  let most = 0;
  for (const part of [data.train, data.test])
    for (const v of part.points.x) most = Math.max(most, Math.abs(v));
  return Math.max(0.5, 1.06 * most);
}

function line(half: number): Float32Array {
  return Float32Array.from({ length: LINE }, (_, i) => half * ((2 * i) / (LINE - 1) - 1));
}

/** Row by row from the top left. */
function plane(half: number): Float32Array {
  const at = (i: number) => half * ((2 * (i + 0.5)) / SIDE - 1);
  const out = new Float32Array(2 * SIDE * SIDE);
  for (let i = 0; i < SIDE * SIDE; i++) {
    out[2 * i] = at(i % SIDE);
    out[2 * i + 1] = -at(Math.floor(i / SIDE));
  }
  return out;
}

/** Lets the network answer for every point of the view. */
export function refreshed(view: View, layers: Dense[], activation: string): void {
  view.trace.a[0]!.set(view.features);
  forward(layers, activation, view.trace);
}

/** The values of neuron j of a layer; layer 0 are the features, the last one the predictions. */
export function valuesOf({ trace }: View, layer: number, j: number): Float64Array {
  const last = layer === trace.a.length;
  const all = last ? trace.z[layer - 1]! : trace.a[layer]!;
  const width = all.length / trace.rows;
  const values = new Float64Array(trace.rows);
  for (let n = 0; n < values.length; n++) values[n] = all[n * width + j]!;
  return values;
}

/** The values of a feature, whether the network sees it or not. */
export function featureValues(view: View, name: string, settings: Settings): Float64Array {
  return featured([name], view.x, view.dimensions, scaleOf(settings));
}

/** Draws the values of one neuron, the largest in full colour. */
export function drawView(
  canvas: HTMLCanvasElement,
  view: View,
  values: Float64Array,
  most = largest(values),
): void {
  const pen = canvas.getContext("2d")!;
  if (view.dimensions === 1) drawCurve(pen, values, most);
  else drawField(pen, (n) => signedPixel(values[n]! / most));
}

export function largest(values: Float64Array): number {
  let most = 1e-9;
  for (const v of values) if (Math.abs(v) > most) most = Math.abs(v);
  return most;
}

/** Draws what the whole network answers, in the colours of the classes. */
export function drawAnswer(canvas: HTMLCanvasElement, view: View, settings: Settings): void {
  const z = view.trace.z.at(-1)!;
  const size = z.length / view.trace.rows;
  const one =
    lossOf(settings.loss).target === "bit" ? (v: number) => 2 * sigmoid(v) - 1 : (v: number) => v;
  drawField(canvas.getContext("2d")!, (n) => {
    if (size === 1) return signedPixel(0.6 * one(z[n]!));
    const shares = softmax(z, n * size, size);
    return size === 2 ? signedPixel(0.6 * (shares[1]! - shares[0]!)) : sharesPixel(shares);
  });
}

function softmax(z: Float64Array, at: number, size: number): number[] {
  const row = Array.from(z.subarray(at, at + size));
  const most = Math.max(...row);
  const powers = row.map((v) => Math.exp(v - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

const PICTURE = new ImageData(SIDE, SIDE); // one serves all views: each is put where it belongs at once
const PIXELS = new Uint32Array(PICTURE.data.buffer);

function drawField(pen: CanvasRenderingContext2D, pixel: (n: number) => number): void {
  if (pen.canvas.width !== SIDE) pen.canvas.width = pen.canvas.height = SIDE;
  for (let n = 0; n < PIXELS.length; n++) PIXELS[n] = pixel(n);
  pen.putImageData(PICTURE, 0, 0);
}

function drawCurve(pen: CanvasRenderingContext2D, values: Float64Array, most: number): void {
  const { canvas } = pen;
  if (canvas.width !== 80) canvas.width = canvas.height = 80;
  pen.fillStyle = css("--card");
  pen.fillRect(0, 0, 80, 80);
  pen.strokeStyle = css("--line");
  pen.strokeRect(0, 40, 80, 0);
  pen.strokeStyle = BLUE;
  pen.lineWidth = 3;
  pen.beginPath();
  values.forEach((v, n) => pen.lineTo((80 * n) / (values.length - 1), 40 - (36 * v) / most));
  pen.stroke();
}
