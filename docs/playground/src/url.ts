/** The state of the page in its address, so that a moment can be linked. */

import { ACTIVATIONS } from "./engine/activations";
import { FEATURES } from "./engine/features";
import { LOSSES } from "./engine/losses";
import { OPTIMIZERS } from "./engine/optimizers";
import {
  DEFAULTS,
  DRAWN,
  MOST_LAYERS,
  MOST_NEURONS,
  fitting,
  type Drawn,
  type Settings,
} from "./engine/settings";
import { TOYS } from "./engine/toys";

/** What a link holds besides the settings. */
export interface Moment {
  settings: Settings;
  steps: number;
  tab: string;
}

export const MOST_STEPS = 20000; // that a link replays, at about a second a thousand

type Reader = (text: string) => unknown;

const number =
  (low: number, high: number): Reader =>
  (text) => {
    const x = Number(text);
    return text !== "" && x >= low && x <= high ? x : undefined;
  };

const whole =
  (low: number, high: number): Reader =>
  (text) => {
    const x = number(low, high)(text);
    return Number.isInteger(x) ? x : undefined;
  };

const oneOf =
  (names: Record<string, unknown>): Reader =>
  (text) =>
    Object.hasOwn(names, text) ? text : undefined;

const READERS: Record<keyof Settings, Reader> = {
  data: oneOf({ ...TOYS, ...DRAWN }),
  drawn: readDrawn,
  points: whole(20, 2000),
  noise: number(0, 10),
  share: number(0.1, 0.9),
  dataSeed: whole(0, 2 ** 32 - 1),
  features: (text) => text.split(".").filter((name) => Object.hasOwn(FEATURES, name)),
  hidden: readHidden,
  activation: oneOf(ACTIVATIONS),
  loss: oneOf(LOSSES),
  optimizer: oneOf(OPTIMIZERS),
  rate: number(0, 1000),
  batch: whole(0, 2000),
  l1: number(0, 100),
  l2: number(0, 100),
  dropout: number(0, 0.95),
  seed: whole(0, 2 ** 31 - 1),
  start: readNumbers,
};

/** The part of the address after "#". */
export function written({ settings, steps, tab }: Moment): string {
  const parts = new URLSearchParams();
  for (const name of Object.keys(DEFAULTS) as (keyof Settings)[]) {
    const text = textOf(settings[name]);
    if (text !== textOf(DEFAULTS[name])) parts.set(name, text);
  }
  if (steps > 0) parts.set("steps", String(steps));
  if (tab) parts.set("tab", tab);
  return parts.toString();
}

/** The moment that an address holds; what it lacks, or what is wrong in it, is the default. */
export function read(hash: string): Moment {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const found: Record<string, unknown> = {};
  for (const [name, reader] of Object.entries(READERS)) {
    const value = parts.has(name) ? reader(parts.get(name)!) : undefined;
    if (value !== undefined) found[name] = value;
  }
  const settings = fitting({ ...DEFAULTS, ...found } as Settings);
  const steps = whole(0, 1e8)(parts.get("steps") ?? "") as number | undefined;
  return { settings, steps: Math.min(steps ?? 0, MOST_STEPS), tab: parts.get("tab") ?? "" };
}

function textOf(value: Settings[keyof Settings]): string {
  if (value === null) return "";
  if (!Array.isArray(value)) return String(value);
  // Names and sizes have no points of their own; coordinates and weights have.
  const plain = value.every((x) => typeof x === "string" || Number.isInteger(x));
  return value.map((x) => (Array.isArray(x) ? x.join("_") : shortest(x))).join(plain ? "." : ",");
}

/** A number as short as float32 allows, so that links stay short. */
function shortest(x: unknown): string {
  if (typeof x !== "number") return String(x);
  for (let digits = 1; digits < 9; digits++) {
    const text = x.toPrecision(digits);
    if (Math.fround(Number(text)) === Math.fround(x)) return String(Number(text));
  }
  return String(x);
}

function readDrawn(text: string): Drawn[] | undefined {
  const points = text.split(",").map((point) => point.split("_").map(Number));
  const valid = points.every((p) => p.length === 3 && p.every((v) => Math.abs(v) <= 1));
  return valid ? (points as unknown as Drawn[]) : undefined;
}

function readHidden(text: string): number[] | undefined {
  const sizes = text === "" ? [] : text.split(".").map(Number);
  const valid =
    sizes.length <= MOST_LAYERS &&
    sizes.every((n) => Number.isInteger(n) && n >= 1 && n <= MOST_NEURONS);
  return valid ? sizes : undefined;
}

function readNumbers(text: string): number[] | undefined {
  const numbers = text.split(",").map(Number);
  return text && numbers.every(Number.isFinite) ? numbers.map(Math.fround) : undefined;
}
