/** The colours of `jaxdl.plots`: orange below zero, blue above, and one for each class. */

export const BLUE = "#0072B2";
export const ORANGE = "#D55E00";
export const GREEN = "#009E73";
export const CLASSES = [ORANGE, BLUE, GREEN] as const;
export const LINES = [
  BLUE,
  ORANGE,
  GREEN,
  "#CC79A7",
  "#E69F00",
  "#56B4E9",
  "#767676",
  "#8C6D31",
] as const;

type Rgb = readonly [number, number, number];

const dark = matchMedia("(prefers-color-scheme: dark)");

/** The colour of zero: that of the page. */
function ground(): Rgb {
  return dark.matches ? [24, 28, 34] : [255, 255, 255];
}

function rgb(hex: string): Rgb {
  const n = parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

function mixed(a: Rgb, b: Rgb, share: number): Rgb {
  return [0, 1, 2].map((i) => a[i]! + share * (b[i]! - a[i]!)) as unknown as Rgb;
}

const COLOURS = CLASSES.map(rgb);
const LEVELS = 128;
let table = signedTable();
dark.addEventListener("change", () => (table = signedTable()));

/** The colours of −1 … 1 in steps of 1/128, each as one number, as a picture holds them. */
function signedTable(): Uint32Array {
  return Uint32Array.from({ length: 2 * LEVELS + 1 }, (_, i) =>
    pixel(mixed(ground(), COLOURS[i < LEVELS ? 0 : 1]!, Math.abs(i - LEVELS) / LEVELS)),
  );
}

/** A pixel in one number; every machine that runs browsers has its lowest byte first. */
function pixel([red, green, blue]: Rgb): number {
  return (255 << 24) | (blue << 16) | (green << 8) | red;
}

/** The pixel of a signed number in [−1, 1]. */
export function signedPixel(value: number): number {
  return table[Math.round(Math.max(-1, Math.min(1, value)) * LEVELS) + LEVELS]!;
}

/** The same colour for a pen. */
export function signedColour(value: number): string {
  const [blue, green, red] = [16, 8, 0].map((by) => (signedPixel(value) >> by) & 255);
  return `rgb(${red} ${green} ${blue})`;
}

/** The mixture of the classes' colours by their probabilities. */
export function sharesPixel(shares: number[]): number {
  const sum = [0, 1, 2].map((i) =>
    shares.reduce((total, share, c) => total + share * COLOURS[c]![i]!, 0),
  );
  return pixel(mixed(ground(), sum as unknown as Rgb, 0.6 * Math.max(...shares)));
}

/** Calls back when the reader's choice of dark or light changes. */
export function onTheme(listener: () => void): void {
  dark.addEventListener("change", listener);
}

const named = new Map<string, string>();
dark.addEventListener("change", () => named.clear());

/** A colour that the style sheet names; looked up once, since each look makes styles anew. */
export function css(name: string): string {
  let colour = named.get(name);
  if (colour === undefined) {
    colour = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    named.set(name, colour);
  }
  return colour;
}
