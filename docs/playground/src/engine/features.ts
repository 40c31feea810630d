/** The features that a network may see of a point. */

export interface Feature {
  title: string;
  python: string; // of x, shape (N, 2)
  dimensions: 1 | 2; // how many coordinates it needs
  of(x: number, y: number): number;
}

export const FEATURES: Record<string, Feature> = {
  x: { title: "x", python: "x[:, 0]", dimensions: 1, of: (x) => x },
  y: { title: "y", python: "x[:, 1]", dimensions: 2, of: (_, y) => y },
  xx: { title: "x²", python: "x[:, 0] ** 2", dimensions: 1, of: (x) => x * x },
  yy: { title: "y²", python: "x[:, 1] ** 2", dimensions: 2, of: (_, y) => y * y },
  xy: { title: "x·y", python: "x[:, 0] * x[:, 1]", dimensions: 2, of: (x, y) => x * y },
  sinx: {
    title: "sin πx",
    python: "np.sin(np.pi * x[:, 0])",
    dimensions: 1,
    of: (x) => Math.sin(Math.PI * x),
  },
  siny: {
    title: "sin πy",
    python: "np.sin(np.pi * x[:, 1])",
    dimensions: 2,
    of: (_, y) => Math.sin(Math.PI * y),
  },
};

/** The chosen features that exist in this number of dimensions; the first one if there is none. */
export function usable(names: string[], dimensions: number): string[] {
  const known = Object.keys(FEATURES).filter((name) => FEATURES[name]!.dimensions <= dimensions);
  const chosen = known.filter((name) => names.includes(name));
  return chosen.length ? chosen : ["x"];
}

/** The features of points, row by row; coordinates are divided by `scale` first. */
export function featured(
  names: string[],
  x: ArrayLike<number>,
  dimensions: number,
  scale: number,
): Float64Array {
  const functions = names.map((name) => FEATURES[name]!.of);
  const rows = x.length / dimensions;
  const out = new Float64Array(rows * names.length);
  for (let n = 0; n < rows; n++) {
    const first = Math.fround(x[n * dimensions]! / scale);
    const second = dimensions === 2 ? Math.fround(x[n * dimensions + 1]! / scale) : 0;
    functions.forEach((of, i) => (out[n * names.length + i] = of(first, second)));
  }
  return out;
}
