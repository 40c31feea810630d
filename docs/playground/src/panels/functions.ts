/** Explorers of activations and losses: curves from the functions that train the network. */

import type { App } from "../app";
import { ACTIVATIONS } from "../engine/activations";
import { lossOf, LOSSES, type Loss } from "../engine/losses";
import { drawChart, type Line } from "../ui/chart";
import { typeset } from "../maths";
import { h, shown } from "../ui/dom";
import { LINES, onTheme } from "../ui/palette";
import type { Panel } from "../ui/tabs";

const POINTS = 401;
const HALF = 5;

const places = Float64Array.from({ length: POINTS }, (_, i) => HALF * ((2 * i) / (POINTS - 1) - 1));

/** A number chosen by a slider, with what is to be seen there. */
function slider(
  label: string,
  value: number,
  changed: () => void,
): { element: HTMLElement; value: () => number } {
  const input = h("input", { type: "range", min: -HALF, max: HALF, step: 0.05, value });
  const output = h("output", { "aria-hidden": "true" }, String(value));
  input.addEventListener("input", () => {
    output.textContent = input.value;
    changed();
  });
  return {
    element: h("label", { class: "control" }, h("span", {}, label, output), input),
    value: () => Number(input.value),
  };
}

/** A list of names of which several may be on. */
export function choices(
  names: string[],
  first: string[],
  changed: () => void,
): { element: HTMLElement; chosen: () => string[] } {
  const boxes = names.map((name) =>
    h("input", { type: "checkbox", value: name, checked: first.includes(name), change: changed }),
  );
  const element = h(
    "div",
    { class: "choices" },
    ...boxes.map((box) => h("label", { class: "check" }, box, box.value)),
  );
  return { element, chosen: () => boxes.filter((box) => box.checked).map((box) => box.value) };
}

export function keyed(names: string[], text: (name: string) => string): HTMLElement[] {
  return names.map((name, i) => {
    const key = h("span", { class: "key", style: `border-color:${LINES[i % LINES.length]}` });
    return h("p", { class: "soft" }, key, ...typeset(text(name)));
  });
}

export const ACTIVATION_EXPLORER: Panel = {
  title: "Activations",
  build(app: App, place: HTMLElement) {
    const first = [...new Set([app.settings.activation, "relu", "gelu"])];
    const [values, slopes] = [canvas(), canvas()];
    const legend = h("div");
    const draw = () => {
      const names = pick.chosen();
      curves(values, names, (name, z) => ACTIVATIONS[name]!.value(z), [-2.5, 5], at.value());
      curves(slopes, names, (name, z) => ACTIVATIONS[name]!.slope(z), [-0.5, 1.6], at.value());
      const there = (name: string) => ACTIVATIONS[name]!;
      legend.replaceChildren(
        ...keyed(
          names,
          (n) =>
            `${n}: ${there(n).formula}; at z = ${at.value()} it is ${shown(there(n).value(at.value()))}, its slope ${shown(there(n).slope(at.value()))}`,
        ),
      );
      values.setAttribute("aria-label", `Values of ${names.join(", ")} from −5 to 5`);
      slopes.setAttribute("aria-label", `Slopes of ${names.join(", ")} from −5 to 5`);
    };
    const at = slider("z", 1, draw);
    const pick = choices(Object.keys(ACTIVATIONS), first, draw);
    const titled = (title: string, c: HTMLElement) => h("div", {}, h("h3", {}, title), c);
    place.append(
      pick.element,
      h("div", { class: "columns" }, titled("Value", values), titled("Slope", slopes)),
      at.element,
      legend,
    );
    return drawnFirst(draw);
  },
};

export const LOSS_EXPLORER: Panel = {
  title: "Losses",
  build(app: App, place: HTMLElement) {
    const names = Object.keys(LOSSES).filter((name) => lossOf(name).target !== "class");
    const own = names.includes(app.settings.loss) ? app.settings.loss : names[0]!;
    const [values, slopes] = [canvas(), canvas()];
    const legend = h("div");
    const target = h(
      "select",
      {},
      h("option", { value: "1" }, "the right answer is class 1"),
      h("option", { value: "0" }, "the right answer is class 0"),
    );
    const draw = () => {
      const chosen = pick.chosen();
      const of = (name: string, z: number) => ofOne(lossOf(name), z, Number(target.value));
      curves(values, chosen, (name, z) => of(name, z).value, [0, 8], at.value());
      curves(slopes, chosen, (name, z) => of(name, z).slope, [-6, 6], at.value());
      const text = (name: string) =>
        `${name}: ${lossOf(name).formula}; at z = ${at.value()} it is ${shown(of(name, at.value()).value)}, its slope ${shown(of(name, at.value()).slope)}`;
      legend.replaceChildren(...keyed(chosen, text));
      values.setAttribute("aria-label", `${chosen.join(", ")} over the prediction from −5 to 5`);
      slopes.setAttribute("aria-label", `Slopes of ${chosen.join(", ")} over the prediction`);
    };
    const at = slider("prediction z", 0, draw);
    const pick = choices(names, [...new Set([own, "mse_loss", "hinge"])], draw);
    target.addEventListener("change", draw);
    const titled = (title: string, c: HTMLElement) => h("div", {}, h("h3", {}, title), c);
    const which = h("label", { class: "control inline" }, h("span", {}, "Label"), target);
    place.append(
      pick.element,
      which,
      h(
        "div",
        { class: "columns" },
        titled("Loss of a row", values),
        titled("Its slope, where δ begins", slopes),
      ),
      at.element,
      legend,
    );
    return drawnFirst(draw);
  },
};

/** The loss of one prediction and its slope there. */
function ofOne(loss: Loss, z: number, label: number): { value: number; slope: number } {
  const out = new Float64Array(1);
  const target = loss.target === "sign" ? 2 * label - 1 : label;
  const value = loss.row(Float64Array.of(z), 0, 1, target, out);
  return { value, slope: out[0]! };
}

function canvas(): HTMLCanvasElement {
  return h("canvas", { class: "chart", role: "img" });
}

function curves(
  at: HTMLCanvasElement,
  names: string[],
  f: (name: string, z: number) => number,
  y: [number, number],
  z: number,
): void {
  const lines: Line[] = names.map((name, i) => {
    const values = Float64Array.from(places, (place) => f(name, place));
    return { x: places, y: values, colour: LINES[i % LINES.length]!, width: 2.5 };
  });
  lines.unshift({ x: [z, z], y, colour: "#767676", dashed: true, width: 1.2 });
  drawChart(at, lines, { x: [-HALF, HALF], y });
}

/** Draws once the canvases have their size, and again when the theme or the width changes. */
export function drawnFirst(draw: () => void): () => void {
  let width = 0;
  onTheme(() => (width = 0));
  return () => {
    if (width === innerWidth) return;
    width = innerWidth;
    draw();
  };
}
