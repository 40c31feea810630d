/** The network as a picture: a view for every neuron, a line for every weight. */

import type { App } from "../app";
import { FEATURES } from "../engine/features";
import { dimensionsOf, MOST_NEURONS } from "../engine/settings";
import { byId, h, shown, svg } from "./dom";
import { BLUE, ORANGE } from "./palette";
import { drawView, featureValues, largest, valuesOf, type View } from "./views";

/** Which neuron the reader looks at; layer 1 is the first with weights. */
export interface Choice {
  layer: number;
  neuron: number;
}

interface Node {
  button: HTMLButtonElement;
  canvas: HTMLCanvasElement;
  delta: HTMLElement | null;
  layer: number;
  neuron: number;
  feature: string | null; // its name in the first column
}

interface Edge {
  line: SVGElement;
  layer: number;
  place: number; // in the kernel
  drawn: string; // the colour and width that it has
}

export class Diagram {
  private readonly root = byId("network");
  private nodes: Node[] = [];
  private edges: Edge[] = [];
  private width = 0;

  constructor(
    private readonly app: App,
    private readonly choose: (choice: Choice, source?: number) => void,
    private readonly built: () => void,
  ) {
    new ResizeObserver(() => this.root.clientWidth !== this.width && this.build()).observe(
      this.root,
    );
  }

  /** Makes the picture anew, as after a change of layers. */
  build(): void {
    const focused = (document.activeElement as HTMLElement | null)?.dataset["node"];
    this.root.replaceChildren();
    const width = (this.width = this.root.clientWidth);
    const size = width < 520 ? 32 : 42;
    const columns = this.columns();
    const height = 34 + Math.max(...columns.map((c) => c.length)) * (size + 8);
    const margin = width < 520 ? 4 : 20;
    const x = (c: number) => margin + ((width - 2 * margin - size) * c) / (columns.length - 1);
    const y = (r: number) => 36 + r * (size + 8);
    this.root.style.height = `${height + 8}px`;
    this.nodes = columns.flatMap((column, c) =>
      column.map((name, r) => this.node(name, c, r, [x(c), y(r), size])),
    );
    this.edges = [];
    this.root.append(
      this.lines(width, height, size),
      ...this.nodes.map((n) => n.button),
      ...this.sizers(x, size),
    );
    if (focused) this.root.querySelector<HTMLElement>(`[data-node="${focused}"]`)?.focus();
    this.built();
  }

  /** The names of the first column's features, and empty names for neurons. */
  private columns(): string[][] {
    const dimensions = dimensionsOf(this.app.settings);
    const features = Object.keys(FEATURES).filter(
      (name) => FEATURES[name]!.dimensions <= dimensions,
    );
    return [features, ...this.app.sizes.slice(1).map((n) => Array.from({ length: n }, () => ""))];
  }

  private node(
    feature: string,
    layer: number,
    neuron: number,
    [x, y, size]: [number, number, number],
  ): Node {
    const canvas = h("canvas", { "aria-hidden": "true" });
    const style = `left:${x}px;top:${y}px;width:${size}px;height:${size}px`;
    const button = h(
      "button",
      { class: "neuron", type: "button", style, "data-node": `${layer}.${neuron}` },
      canvas,
    );
    if (feature) return { ...this.feature(button, feature), canvas, layer, neuron };
    button.setAttribute("aria-label", `${this.nameOf(layer)}, neuron ${neuron + 1}`);
    button.addEventListener("click", () => this.choose({ layer, neuron }));
    const delta = h("span", { class: "delta" });
    button.append(delta);
    return { button, canvas, delta, layer, neuron, feature: null };
  }

  private feature(
    button: HTMLButtonElement,
    name: string,
  ): Pick<Node, "button" | "delta" | "feature"> {
    const on = this.app.settings.features.includes(name);
    const { title } = FEATURES[name]!;
    button.classList.toggle("off", !on);
    button.setAttribute("aria-pressed", String(on));
    button.setAttribute("aria-label", `Feature ${title}`);
    button.append(h("span", { class: "title" }, title));
    button.addEventListener("click", () => {
      const { features } = this.app.settings;
      const changed = on ? features.filter((f) => f !== name) : [...features, name];
      if (changed.length) this.app.change({ features: changed });
    });
    return { button, delta: null, feature: name };
  }

  private nameOf(layer: number): string {
    return layer === this.app.sizes.length - 1 ? "Output" : `Layer ${layer}`;
  }

  private lines(width: number, height: number, size: number): SVGElement {
    const picture = svg("svg", { class: "edges", width, height, "aria-hidden": "true" });
    this.app.run.layers.forEach((layer, l) => {
      const below = this.nodes.filter(
        (n) => n.layer === l && (n.feature === null || this.uses(n.feature)),
      );
      const above = this.nodes.filter((n) => n.layer === l + 1);
      below.forEach((from, i) =>
        above.forEach((to, j) => {
          const d = curve(from.button, to.button, size);
          const line = svg("path", { d, class: "edge" });
          const target = svg("path", {
            d,
            class: "edge-target",
            click: () => this.choose({ layer: l + 1, neuron: j }, i),
          });
          picture.append(line, target);
          this.edges.push({ line, layer: l, place: i * layer.nOut + j, drawn: "" });
        }),
      );
    });
    return picture;
  }

  private uses(feature: string): boolean {
    return this.app.settings.features.includes(feature);
  }

  /** The buttons above a hidden layer that add and remove its neurons. */
  private sizers(x: (c: number) => number, size: number): HTMLElement[] {
    const { hidden } = this.app.settings;
    return hidden.map((count, l) => {
      const to = (n: number) =>
        this.app.change({ hidden: hidden.map((old, i) => (i === l ? n : old)) });
      const button = (sign: string, n: number, what: string) => {
        const off = n < 1 || n > MOST_NEURONS;
        const label = `${what} a neuron in layer ${l + 1}, which has ${count}`;
        return h(
          "button",
          {
            type: "button",
            "aria-label": label,
            disabled: off,
            click: () => to(n),
            "data-node": `${sign}${l}`,
          },
          sign,
        );
      };
      const style = `left:${x(l + 1) + size / 2 - 25}px`;
      return h(
        "div",
        { class: "sizer", style },
        button("−", count - 1, "Remove"),
        button("+", count + 1, "Add"),
      );
    });
  }

  /** Shows what doesn't change while the network learns: features, and which neuron is chosen. */
  paintStill(view: View, choice: Choice | null, gradients: boolean): void {
    for (const { canvas, button, layer, neuron, feature } of this.nodes) {
      if (feature) drawView(canvas, view, featureValues(view, feature, this.app.settings), 1.2);
      button.classList.toggle(
        "chosen",
        layer === choice?.layer && neuron === choice.neuron && !feature,
      );
    }
    this.root.classList.toggle("gradients", gradients);
  }

  /** Shows the neurons as they are now; of several turns, each shows its share of them. */
  paintNeurons(view: View, turn: number, turns: number): void {
    this.nodes.forEach(({ canvas, layer, neuron, feature }, i) => {
      if (feature || i % turns !== turn % turns) return;
      drawView(canvas, view, valuesOf(view, layer, neuron));
    });
  }

  /** Shows weights, or gradients and δ. */
  paintLines(gradients: boolean): void {
    const { trace } = this.app.run;
    this.paintEdges(gradients);
    if (gradients) this.paintDeltas(trace.delta, trace.rows);
  }

  /** Lines as wide as weights; or as the gradients that the last step had, in its own scale. */
  private paintEdges(gradients: boolean): void {
    const { slots, layers } = this.app.run;
    layers.forEach((layer, l) => {
      const shownNow = gradients ? slots[2 * l]!.g : layer.kernel;
      const most = Math.max(gradients ? largest(shownNow) : Math.max(1, largest(shownNow)), 1e-12);
      for (const edge of this.edges) {
        if (edge.layer !== l) continue;
        const value = shownNow[edge.place]!;
        const [colour, width] = [value < 0 ? ORANGE : BLUE, 0.4 + (5 * Math.abs(value)) / most];
        const style = `stroke:${colour};stroke-width:${width.toFixed(1)}`;
        if (style === edge.drawn) continue;
        edge.line.setAttribute("style", (edge.drawn = style));
      }
    });
  }

  /** δ of a neuron: the sum over the batch, which is the gradient of its bias. */
  private paintDeltas(deltas: Float64Array[], rows: number): void {
    for (const { delta, layer, neuron } of this.nodes) {
      if (!delta) continue;
      const all = deltas[layer - 1]!;
      let sum = 0;
      for (let n = 0; n < rows; n++) sum += all[(n * all.length) / rows + neuron]!;
      delta.textContent = brief(sum);
      delta.classList.toggle("negative", sum < 0);
    }
  }

  /** Lets δ appear layer by layer from the output back, as it flows. */
  flow(): void {
    const last = this.app.sizes.length - 1;
    for (const { button, layer } of this.nodes) {
      button.style.setProperty("--after", `${(last - layer) * 180}ms`);
      button.classList.remove("flowing");
      void button.offsetWidth; // starts the animation again
      if (layer > 0) button.classList.add("flowing");
    }
  }
}

/** A number that fits a neuron. */
function brief(x: number): string {
  const size = Math.abs(x);
  return size !== 0 && size < 0.01 ? x.toExponential(0).replaceAll("-", "−") : shown(x).slice(0, 5);
}

function curve(from: HTMLElement, to: HTMLElement, size: number): string {
  const at = (e: HTMLElement) =>
    [parseFloat(e.style.left), parseFloat(e.style.top) + size / 2] as const;
  const [[x1, y1], [x2, y2]] = [at(from), at(to)];
  const [start, middle] = [x1 + size, (x1 + size + x2) / 2];
  return `M${start},${y1} C${middle},${y1} ${middle},${y2} ${x2},${y2}`;
}
