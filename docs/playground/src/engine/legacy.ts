/** NumPy's `RandomState`, whose stream is frozen: the Mersenne Twister and what it draws. */

const N = 624;
const M = 397;

export class RandomState {
  private readonly state = new Uint32Array(N);
  private place = N;
  private spare: number | null = null;

  constructor(seed: number) {
    this.state[0] = seed;
    for (let i = 1; i < N; i++) {
      const last = this.state[i - 1]!;
      this.state[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i;
    }
  }

  /** 32 random bits. */
  bits(): number {
    if (this.place === N) this.refill();
    let y = this.state[this.place++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A number from U(0, 1) with 53 bits. */
  random(): number {
    const [a, b] = [this.bits() >>> 5, this.bits() >>> 6];
    return (a * 67108864 + b) / 9007199254740992;
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * this.random();
  }

  /** A number from N(0, 1) by the polar method, which makes two at a time. */
  normal(): number {
    if (this.spare !== null) {
      const kept = this.spare;
      this.spare = null;
      return kept;
    }
    for (;;) {
      const [x, y] = [2 * this.random() - 1, 2 * this.random() - 1];
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      this.spare = scale * x;
      return scale * y;
    }
  }

  /** A random order of 0 … size − 1, by Fisher and Yates's shuffle. */
  permutation(size: number): Int32Array {
    const order = Int32Array.from({ length: size }, (_, i) => i);
    for (let i = size - 1; i > 0; i--) {
      const j = this.below(i);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }

  /** A whole number of 0 … most: bits under a mask, drawn again where they exceed it. */
  private below(most: number): number {
    const mask = 2 ** (32 - Math.clz32(most)) - 1;
    for (;;) {
      const drawn = (this.bits() & mask) >>> 0;
      if (drawn <= most) return drawn;
    }
  }

  private refill(): void {
    const s = this.state;
    for (let i = 0; i < N; i++) {
      const y = (s[i]! & 0x80000000) | (s[(i + 1) % N]! & 0x7fffffff);
      s[i] = s[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.place = 0;
  }
}
