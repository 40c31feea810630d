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

/** The colours of −1 … 1 in steps of 1/128. */
function signedTable(): Uint8ClampedArray {
  const out = new Uint8ClampedArray(4 * (2 * LEVELS + 1));
  for (let i = -LEVELS; i <= LEVELS; i++) {
    const end = COLOURS[i < 0 ? 0 : 1]!;
    out.set([...mixed(ground(), end, Math.abs(i) / LEVELS), 255], 4 * (i + LEVELS));
  }
  return out;
}

/** Writes the colour of a signed number in [−1, 1] into a picture. */
export function paintSigned(pixels: Uint8ClampedArray, at: number, value: number): void {
  const level = 4 * (Math.round(Math.max(-1, Math.min(1, value)) * LEVELS) + LEVELS);
  for (let i = 0; i < 4; i++) pixels[at + i] = table[level + i]!;
}

/** Writes the mixture of the classes' colours by their probabilities. */
export function paintShares(pixels: Uint8ClampedArray, at: number, shares: number[]): void {
  const paper = ground();
  const sum = [0, 1, 2].map((i) =>
    shares.reduce((total, share, c) => total + share * COLOURS[c]![i]!, 0),
  );
  put(pixels, at, mixed(paper, sum as unknown as Rgb, 0.6 * Math.max(...shares)));
}

function put(pixels: Uint8ClampedArray, at: number, colour: Rgb): void {
  pixels[at] = colour[0];
  pixels[at + 1] = colour[1];
  pixels[at + 2] = colour[2];
  pixels[at + 3] = 255;
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
