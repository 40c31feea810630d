/** Where axes are labelled. */

/** Round numbers in an interval, about as many as asked for. */
export function ticks([low, high]: [number, number], count: number): number[] {
  const raw = (high - low) / count;
  if (!(raw > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const size = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999)!;
  const first = Math.ceil(low / size - 1e-9);
  return Array.from(
    { length: Math.floor(high / size + 1e-9) - first + 1 },
    (_, i) => (first + i) * size,
  );
}
