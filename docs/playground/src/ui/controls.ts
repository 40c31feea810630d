/** The controls of data and training: one table, a control a row. */

import type { App } from "../app";
import { ACTIVATIONS } from "../engine/activations";
import { lossesFor } from "../engine/losses";
import { OPTIMIZERS } from "../engine/optimizers";
import { classesOf, DRAWN, isDrawn, type Settings } from "../engine/settings";
import { TOYS } from "../engine/toys";
import { h } from "./dom";

type Name = keyof Settings;

interface Control {
  name: Name;
  label: string;
  /** The values to choose from with their texts; or how a number is entered. */
  choices?: (settings: Settings) => [string, string][];
  number?: { min: number; max: number; step: number; range?: boolean };
  changed?: (value: string, settings: Settings) => Partial<Settings>; // what else changes with it
  shown?: (settings: Settings) => boolean;
}

const named = (names: string[]): [string, string][] => names.map((n) => [n, n]);
const amounts = (values: number[], none = "none"): [string, string][] =>
  values.map((v) => [String(v), v ? String(v) : none]);
const isToy = (settings: Settings): boolean => !isDrawn(settings);

export const DATA: Control[] = [
  {
    name: "data",
    label: "Points",
    choices: () => [
      ...Object.entries(TOYS).map(([n, t]): [string, string] => [n, t.title]),
      ...Object.entries(DRAWN).map(([n, d]): [string, string] => [n, d.title]),
    ],
    changed: (data, settings) => ({ noise: TOYS[data]?.noise ?? 0, ...drawnAs(data, settings) }),
  },
  {
    name: "points",
    label: "How many",
    choices: () => amounts([50, 100, 200, 500, 1000]),
    shown: isToy,
  },
  {
    name: "noise",
    label: "Noise",
    number: { min: 0, max: 1, step: 0.02, range: true },
    shown: isToy,
  },
  {
    name: "share",
    label: "Share for training",
    number: { min: 0.1, max: 0.9, step: 0.1, range: true },
  },
  {
    name: "dataSeed",
    label: "Seed of the points",
    number: { min: 0, max: 999999, step: 1 },
    shown: isToy,
  },
];

/** Points drawn as classes 0 and 1 become the numbers −1 and 1, which have the same colours. */
function drawnAs(data: string, { data: before, drawn }: Settings): Partial<Settings> {
  if (before !== "drawn" || data !== "drawn_numbers") return {};
  return { drawn: drawn.map(([x, y, label]) => [x, y, 2 * label - 1]) };
}

export const TRAINING: Control[] = [
  { name: "activation", label: "Activation", choices: () => named(Object.keys(ACTIVATIONS)) },
  { name: "loss", label: "Loss", choices: (settings) => named(lossesFor(classesOf(settings))) },
  {
    name: "optimizer",
    label: "Optimizer",
    choices: () => named(Object.keys(OPTIMIZERS)),
    changed: (optimizer) => ({ rate: OPTIMIZERS[optimizer]!.rate }),
  },
  {
    name: "rate",
    label: "Learning rate",
    choices: () => amounts([0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10]),
  },
  {
    name: "batch",
    label: "Batch size",
    choices: () => amounts([0, 1, 4, 8, 16, 32, 64, 128], "all"),
  },
  {
    name: "l1",
    label: "L1 penalty",
    choices: () => amounts([0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1]),
  },
  {
    name: "l2",
    label: "L2 penalty",
    choices: () => amounts([0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1]),
  },
  { name: "dropout", label: "Dropout", choices: () => amounts([0, 0.1, 0.2, 0.3, 0.4, 0.5]) },
  { name: "seed", label: "Seed", number: { min: 0, max: 999999, step: 1 } },
];

/** Fills a place with controls that change the settings and follow them. */
export function buildControls(app: App, place: HTMLElement, controls: Control[]): void {
  const rows = controls.map((control) => row(app, control));
  place.append(...rows.map((r) => r.element));
  const follow = () => rows.forEach((r) => r.follow());
  app.listen((event) => event === "structure" && follow());
  follow();
}

interface Row {
  element: HTMLElement;
  follow(): void;
}

function row(app: App, control: Control): Row {
  const output = h("output", { "aria-hidden": "true" });
  const input = control.choices
    ? h("select")
    : h("input", { type: control.number!.range ? "range" : "number" });
  if (input instanceof HTMLInputElement) limit(input, control);
  input.dataset["name"] = control.name;
  input.addEventListener("change", () => changed(app, control, input));
  input.addEventListener("input", () => (output.textContent = input.value));
  const element = h("label", { class: "control" }, h("span", {}, control.label, output), input);
  return { element, follow: () => follow(app.settings, control, input, output, element) };
}

function limit(input: HTMLInputElement, { number }: Control): void {
  const { min, max, step } = number!;
  [input.min, input.max, input.step] = [min, max, step].map(String) as [string, string, string];
}

function changed(app: App, control: Control, input: HTMLSelectElement | HTMLInputElement): void {
  if (input instanceof HTMLInputElement && (!input.validity.valid || input.value === "")) {
    input.value = String(app.settings[control.name]);
    return;
  }
  const isText = typeof app.settings[control.name] === "string";
  const value = isText ? input.value : Number(input.value);
  app.change({ [control.name]: value, ...control.changed?.(input.value, app.settings) });
}

function follow(
  settings: Settings,
  control: Control,
  input: HTMLSelectElement | HTMLInputElement,
  output: HTMLElement,
  element: HTMLElement,
): void {
  const value = String(settings[control.name]);
  element.hidden = control.shown ? !control.shown(settings) : false;
  if (input instanceof HTMLSelectElement) {
    const choices = control.choices!(settings);
    if (!choices.some(([v]) => v === value)) choices.push([value, value]); // as a link may have it
    input.replaceChildren(
      ...choices.map(([v, text]) => h("option", { value: v, selected: v === value }, text)),
    );
  } else {
    if (control.name === "noise") input.max = String(TOYS[settings.data]?.mostNoise ?? 1);
    input.value = value;
    if (input.type === "range") output.textContent = value;
  }
}
