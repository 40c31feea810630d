/** The toy sets of `jaxdl.data`, with the points that the same seed gives there. */

import { RandomState } from "./legacy";

/** Points in the plane or on a line, with a class or a number each. */
export interface Points {
  x: Float32Array; // row by row
  labels: Float32Array;
  dimensions: 1 | 2;
  classes: number; // 0 where labels are numbers
}

export interface Toy {
  title: string;
  noise: number; // the default of jaxdl
  mostNoise: number;
  scale: number; // by which coordinates are divided before the network sees them
  classes: number;
  options: string; // more arguments in Python
  make(draw: RandomState, n: number, noise: number): Points;
}

const TAU = 2 * Math.PI;

export const TOYS: Record<string, Toy> = {
  circles: toy("circles", 0.05, 0.5, 2, circles),
  xor: toy("xor", 0.3, 1, 2, xor),
  moons: toy("moons", 0.1, 0.5, 2, moons),
  spirals: toy("two spirals", 0.02, 0.3, 2, (draw, n, noise) => spirals(draw, n, noise, 2)),
  checkerboard: toy("checkerboard", 0, 0.3, 2, checkerboard),
  blobs: { ...toy("three clouds", 1, 6, 3, blobs), scale: 10 },
  spirals3: {
    ...toy("three spirals", 0.02, 0.3, 3, (draw, n, noise) => spirals(draw, n, noise, 3)),
    options: ", arms=3",
  },
  sine_regression: { ...toy("sine", 0.1, 0.5, 0, sine), scale: Math.PI },
};

/** The function of `jaxdl.data` that makes a set. */
export function functionOf(name: string): string {
  return name === "spirals3" ? "spirals" : name;
}

/** All points of a set in the order of its rows before they are split. */
export function makeToy(name: string, n: number, noise: number, seed: number): Points {
  const found = TOYS[name];
  if (!found) throw new Error(`makeToy: no set ${name}`);
  return found.make(new RandomState(seed), n, noise);
}

function toy(
  title: string,
  noise: number,
  mostNoise: number,
  classes: number,
  make: Toy["make"],
): Toy {
  return { title, noise, mostNoise, scale: 1, classes, options: "", make };
}

type Place = (i: number) => [number, number];

/** Points at given places with noise; their labels are given by number. */
function plane(
  draw: RandomState,
  n: number,
  noise: number,
  classes: number,
  at: Place,
  label: (i: number) => number,
): Points {
  const x = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    const [a, b] = at(i);
    x[2 * i] = a + noise * draw.normal();
    x[2 * i + 1] = b + noise * draw.normal();
  }
  const labels = Float32Array.from({ length: n }, (_, i) => label(i));
  return { x, labels, dimensions: 2, classes };
}

function xor(draw: RandomState, n: number, noise: number): Points {
  const signs = (i: number): [number, number] => [(i % 4) % 2, Math.floor((i % 4) / 2)];
  const at: Place = (i) => [2 * signs(i)[0] - 1, 2 * signs(i)[1] - 1];
  return plane(draw, n, noise, 2, at, (i) => signs(i)[0] ^ signs(i)[1]);
}

function moons(draw: RandomState, n: number, noise: number): Points {
  const lower = Math.floor(n / 2);
  const upper = n - lower;
  const angle = (i: number, count: number) => (count === 1 ? 0 : (Math.PI * i) / (count - 1));
  const at: Place = (i) => {
    if (i < upper) return [Math.cos(angle(i, upper)), Math.sin(angle(i, upper))];
    const t = angle(i - upper, lower);
    return [1 - Math.cos(t), 0.5 - Math.sin(t)];
  };
  return plane(draw, n, noise, 2, at, (i) => (i < upper ? 0 : 1));
}

function circles(draw: RandomState, n: number, noise: number): Points {
  const at: Place = (i) => {
    const angle = (TAU * Math.floor(i / 2)) / Math.ceil(n / 2);
    const radius = i % 2 ? 0.5 : 1;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  };
  return plane(draw, n, noise, 2, at, (i) => i % 2);
}

function spirals(draw: RandomState, n: number, noise: number, arms: number): Points {
  const at: Place = (i) => {
    const radius = (1 + Math.floor(i / arms)) / Math.ceil(n / arms);
    const angle = TAU * (1.5 * radius + (i % arms) / arms);
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  };
  return plane(draw, n, noise, arms, at, (i) => i % arms);
}

function blobs(draw: RandomState, n: number, noise: number): Points {
  const middle = Array.from({ length: 3 }, (): [number, number] => [
    draw.uniform(-10, 10),
    draw.uniform(-10, 10),
  ]);
  return plane(
    draw,
    n,
    noise,
    3,
    (i) => middle[i % 3]!,
    (i) => i % 3,
  );
}

function checkerboard(draw: RandomState, n: number, noise: number): Points {
  const places = Array.from({ length: n }, (): [number, number] => [
    draw.uniform(-1, 1),
    draw.uniform(-1, 1),
  ]);
  const square = (x: number) => Math.floor((4 * (x + 1)) / 2);
  const label = (i: number) => (square(places[i]![0]) + square(places[i]![1])) % 2;
  return plane(draw, n, noise, 2, (i) => places[i]!, label);
}

function sine(draw: RandomState, n: number, noise: number): Points {
  const exact = Float64Array.from({ length: n }, () => draw.uniform(-Math.PI, Math.PI));
  const labels = Float32Array.from(exact, (x) => Math.sin(x) + noise * draw.normal());
  return { x: Float32Array.from(exact), labels, dimensions: 1, classes: 0 };
}
