/** One neuron in numbers: its bias and weights, to be read and edited. */

import type { App } from "../app";
import { FEATURES } from "../engine/features";
import { usedFeatures } from "../engine/settings";
import type { Choice } from "./diagram";
import { byId, h, shown } from "./dom";
import { drawView, valuesOf, type View } from "./views";

export class Inspector {
  private readonly root = byId("neuron");
  private readonly picture = h("canvas", { class: "large", "aria-hidden": "true" });
  private readonly delta = h("p", { class: "soft" });
  private inputs: { input: HTMLInputElement; value: () => number }[] = [];
  choice: Choice | null = null;

  constructor(private readonly app: App) {}

  /** Shows a neuron, and puts the cursor into one of its weights if that was pointed at. */
  show(choice: Choice | null, source?: number): void {
    const exists =
      choice &&
      choice.layer < this.app.sizes.length &&
      choice.neuron < this.app.sizes[choice.layer]!;
    this.choice = exists ? choice : null;
    this.inputs = [];
    if (!this.choice) return this.root.replaceChildren(h("p", { class: "soft" }, HINT));
    const { layer, neuron } = this.choice;
    const dense = this.app.run.layers[layer - 1]!;
    const bias = this.field("bias", "bias", neuron);
    const weights = Array.from({ length: dense.nIn }, (_, i) =>
      this.field(`from ${this.source(layer, i)}`, "kernel", i * dense.nOut + neuron),
    );
    const last = layer === this.app.sizes.length - 1;
    const title = `${last ? "Output" : `Layer ${layer}`}, neuron ${neuron + 1}`;
    const numbers = h("div", { class: "weights" }, bias, ...weights);
    this.root.replaceChildren(h("div", {}, h("h3", {}, title), this.picture, this.delta), numbers);
    if (source !== undefined) this.inputs[source + 1]!.input.focus();
  }

  private source(layer: number, i: number): string {
    return layer === 1 ? FEATURES[usedFeatures(this.app.settings)[i]!]!.title : `neuron ${i + 1}`;
  }

  private field(label: string, array: "kernel" | "bias", place: number): HTMLElement {
    const layer = this.choice!.layer - 1;
    const value = () => this.app.run.layers[layer]![array][place]!;
    const input = h("input", { type: "number", step: "any", value: rounded(value()) });
    const index = this.inputs.length;
    input.addEventListener("change", () => {
      const next = Number(input.value);
      if (input.value !== "" && Number.isFinite(next))
        this.app.setWeight(layer, array, place, next);
      this.inputs[index]?.input.focus();
    });
    this.inputs.push({ input, value });
    return h("label", { class: "control" }, h("span", {}, label), input);
  }

  paint(view: View): void {
    if (!this.choice) return;
    const { layer, neuron } = this.choice;
    drawView(this.picture, view, valuesOf(view, layer, neuron));
    for (const { input, value } of this.inputs) {
      if (document.activeElement !== input) input.value = rounded(value());
    }
    const g = this.app.run.slots[2 * (layer - 1) + 1]!.g[neuron] ?? 0;
    this.delta.textContent = this.app.run.steps ? `Σδ of the last step: ${shown(g)}` : "";
  }
}

function rounded(x: number): string {
  return String(Number(x.toFixed(4)));
}

const HINT =
  "Choose a neuron or a line to see its weights and to change them. A change makes the weights as they are the start of a new run.";
