/** JAX's random numbers: threefry2x32 in its partitionable form, the same bits for the same key. */

export type Key = readonly [number, number];

const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

/** The block cipher: 20 rounds on a pair of 32-bit words. */
export function threefry(key: Key, high: number, low: number): Key {
  const keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1bd11bda];
  let x = (high + keys[0]!) | 0;
  let y = (low + keys[1]!) | 0;
  for (let group = 0; group < 5; group++) {
    for (const by of ROTATIONS[group % 2]!) {
      x = (x + y) | 0;
      y = ((y << by) | (y >>> (32 - by))) ^ x;
    }
    x = (x + keys[(group + 1) % 3]!) | 0;
    y = (y + keys[(group + 2) % 3]! + group + 1) | 0;
  }
  return [x >>> 0, y >>> 0];
}

/** `jax.random.key(seed)`. */
export function keyOf(seed: number): Key {
  return [0, seed >>> 0];
}

/** `jax.random.fold_in(key, data)`. */
export function foldIn(key: Key, data: number): Key {
  return threefry(key, 0, data);
}

/** `jax.random.split(key)`: in the partitionable form, key i is what folding in i gives. */
export function split(key: Key): [Key, Key] {
  return [threefry(key, 0, 0), threefry(key, 0, 1)];
}

/** `jax.random.bits(key, (size,), uint32)`. */
export function bits(key: Key, size: number): Uint32Array {
  const out = new Uint32Array(size);
  for (let i = 0; i < size; i++) {
    const [high, low] = threefry(key, 0, i);
    out[i] = high ^ low;
  }
  return out;
}

/** `jax.random.uniform(key, (size,), float32, low, high)`. */
export function uniform(key: Key, size: number, low = 0, high = 1): Float32Array {
  const drawn = bits(key, size);
  const out = new Float32Array(size);
  const [start, span] = [Math.fround(low), Math.fround(Math.fround(high) - Math.fround(low))];
  for (let i = 0; i < size; i++) {
    const share = (drawn[i]! >>> 9) / 0x800000;
    out[i] = Math.max(start, Math.fround(Math.fround(share * span) + start));
  }
  return out;
}

/** `jax.random.bernoulli(key, probability, (size,))`. */
export function bernoulli(key: Key, probability: number, size: number): Uint8Array {
  const bound = Math.fround(probability);
  return Uint8Array.from(uniform(key, size), (x) => (x < bound ? 1 : 0));
}
