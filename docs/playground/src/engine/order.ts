/** The order in which `jaxdl.train.fit` takes the rows of an epoch. */

import { bits, foldIn, split, type Key } from "./random";

const ROUNDS = 8;
const FEW = 16;

/** The rows of an epoch in order, from the key of the TrainState. */
export function epochOrder(key: Key, epoch: number, size: number): Int32Array {
  return shuffled(foldIn(split(key)[0], epoch), size);
}

/** A permutation of 0 … size − 1 by a Feistel network, or by sorting where it is short. */
export function shuffled(key: Key, size: number): Int32Array {
  if (size <= FEW) return sorted(bits(key, size));
  const side = Math.floor(Math.sqrt(size - 1)) + 1;
  const keys = bits(key, ROUNDS);
  const mix = (x: number): number => {
    let [left, right] = [x % side, Math.floor(x / side)];
    for (const k of keys) [left, right] = [right, (left + (hash(right ^ k) % side)) % side];
    return right * side + left;
  };
  return Int32Array.from({ length: size }, (_, row) => {
    let x = mix(row);
    while (x >= size) x = mix(x);
    return x;
  });
}

function sorted(numbers: Uint32Array): Int32Array {
  const order = Array.from(numbers.keys());
  return Int32Array.from(order.sort((a, b) => numbers[a]! - numbers[b]! || a - b));
}

function hash(x: number): number {
  x >>>= 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}
