/** The splits of `jaxdl.data`: a toy set's own, and the share for training. */

import { RandomState } from "./legacy";
import type { Points } from "./toys";

const FRACTIONS = [0.8, 0.1, 0.1];

export interface Parts {
  train: Points;
  test: Points;
}

/**
 * `data.stratified_split`: the rows of each part, every class in the same proportions.
 *
 * jaxdl also moves rows into parts that rounding left empty; sets of 20 points or more have none.
 */
export function stratifiedSplit(
  labels: ArrayLike<number>,
  fractions: number[],
  seed: number,
): Int32Array[] {
  const order = new RandomState(seed).permutation(labels.length);
  const part = new Int32Array(labels.length);
  const bounds = cumulated(fractions);
  for (const name of new Set(Array.from(labels))) {
    const places = Array.from(order.keys()).filter((i) => labels[order[i]!] === name);
    const ends = bounds.map((bound) => halfToEven(bound * places.length));
    places.forEach((place, i) => (part[place] = ends.filter((end) => end <= i).length));
  }
  return fractions.map((_, i) => order.filter((_, place) => part[place] === i));
}

/** The points of a toy set as jaxdl's copied code divides them. */
export function divided(points: Points, share: number, seed: number): Parts {
  const strata = (p: Points) => (p.classes ? p.labels : new Float32Array(p.labels.length));
  const all = rows(
    points,
    stratifiedSplit(strata(points), FRACTIONS, seed).flatMap((r) => Array.from(r)),
  );
  const [train, test] = stratifiedSplit(strata(all), [share, rest(share)], seed);
  return { train: rows(all, train!), test: rows(all, test!) };
}

export function rows(points: Points, chosen: ArrayLike<number>): Points {
  const { x, labels, dimensions } = points;
  const out = new Float32Array(chosen.length * dimensions);
  for (let i = 0; i < chosen.length; i++) {
    for (let d = 0; d < dimensions; d++) out[i * dimensions + d] = x[chosen[i]! * dimensions + d]!;
  }
  return { ...points, x: out, labels: Float32Array.from(chosen, (row) => labels[row]!) };
}

function cumulated(fractions: number[]): number[] {
  let sum = 0;
  return fractions.map((share) => (sum += share));
}

function halfToEven(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 ? down + 1 : down;
}

/** What is left for the test, in hundredths, as the copied code has it. */
export function rest(share: number): number {
  return Math.round(100 * (1 - share)) / 100;
}
