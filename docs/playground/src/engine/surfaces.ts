/** Surfaces to descend, and the paths of optimizers on them. */

import { optimizerOf } from "./optimizers";
import type { Slot } from "./rules";

export interface Surface {
  title: string;
  formula: string;
  half: number; // the square from −half to half is shown
  start: [number, number];
  value(x: number, y: number): number;
  gradient(x: number, y: number): [number, number];
}

export const SURFACES: Record<string, Surface> = {
  ravine: {
    title: "a ravine",
    formula: "½·(0.1·x² + 2·y²)",
    half: 3,
    start: [-2.6, 1.6],
    value: (x, y) => 0.5 * (0.1 * x * x + 2 * y * y),
    gradient: (x, y) => [0.1 * x, 2 * y],
  },
  bowl: {
    title: "a round bowl",
    formula: "½·(x² + y²)",
    half: 3,
    start: [-2.4, 1.8],
    value: (x, y) => 0.5 * (x * x + y * y),
    gradient: (x, y) => [x, y],
  },
  rosenbrock: {
    title: "Rosenbrock's valley",
    formula: "(1 − x)² + 10·(y − x²)²",
    half: 2.2,
    start: [-1.4, 1.6],
    value: (x, y) => (1 - x) ** 2 + 10 * (y - x * x) ** 2,
    gradient: (x, y) => [-2 * (1 - x) - 40 * x * (y - x * x), 20 * (y - x * x)],
  },
  saddle: {
    title: "a saddle",
    formula: "½·(x² − y²) + 0.05·y⁴",
    half: 4,
    start: [-3, 0.02],
    value: (x, y) => 0.5 * (x * x - y * y) + 0.05 * y ** 4,
    gradient: (x, y) => [x, -y + 0.2 * y ** 3],
  },
  himmelblau: {
    title: "Himmelblau's four minima",
    formula: "((x² + y − 11)² + (x + y² − 7)²) / 50",
    half: 5,
    start: [0.2, -0.6],
    value: (x, y) => ((x * x + y - 11) ** 2 + (x + y * y - 7) ** 2) / 50,
    gradient(x, y) {
      const [a, b] = [x * x + y - 11, x + y * y - 7];
      return [(4 * x * a + 2 * b) / 50, (2 * a + 4 * y * b) / 50];
    },
  },
};

/** The points that an optimizer passes; the pair (x, y) is one array of parameters. */
export function pathOf(
  surface: Surface,
  name: string,
  rate: number,
  steps: number,
  start = surface.start,
): [number, number][] {
  const { rule } = optimizerOf(name);
  const slot: Slot = {
    p: Float64Array.from(start),
    g: new Float64Array(2),
    columns: 0,
    memory: rule.remember(2, 0, rate),
  };
  const path: [number, number][] = [[...start]];
  for (let t = 1; t <= steps; t++) {
    slot.g = Float64Array.from(surface.gradient(slot.p[0]!, slot.p[1]!));
    rule.update(slot, rate, t);
    if (!slot.p.every((v) => Math.abs(v) < 1e6)) break;
    path.push([slot.p[0]!, slot.p[1]!]);
  }
  return path;
}
