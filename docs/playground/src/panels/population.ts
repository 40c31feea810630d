/** A population: the same network with 16 or 64 seeds or learning rates, side by side. */

import type { App } from "../app";
import { populationCode } from "../code";
import { members, Population, quantile, type Kind } from "../engine/population";
import { drawChart } from "../ui/chart";
import { h, shown } from "../ui/dom";
import { say } from "../ui/live";
import { BLUE, ORANGE, onTheme } from "../ui/palette";
import type { Panel } from "../ui/tabs";
import { drawAnswer, refreshed, viewOf, drawView, valuesOf, type View } from "../ui/views";
import { copyButton } from "./code";

const BUDGET = 10; // milliseconds of a frame
const PICTURES = 4; // how many members a frame draws anew
const EVERY = 10; // frames between two measurements of all members

class PopulationPanel {
  private population!: Population;
  private views: View[] = [];
  private figures: { canvas: HTMLCanvasElement; caption: HTMLElement }[] = [];
  private playing = false;
  private next = 0; // whose picture is due
  private turn = 0; // frames so far
  private settings = "";
  private readonly kind: HTMLSelectElement;
  private readonly count: HTMLSelectElement;
  private readonly run = h("button", { type: "button", class: "primary" }, "Run all");
  private readonly chart = h("canvas", { class: "chart", role: "img" });
  private readonly strip = h("canvas", { class: "strip", role: "img" });
  private readonly summary = h("p", { class: "soft" });
  private readonly grid = h("div", { class: "members" });

  constructor(
    private readonly app: App,
    place: HTMLElement,
  ) {
    this.kind = h(
      "select",
      {},
      h("option", { value: "seed" }, "seeds"),
      h("option", { value: "rate" }, "learning rates"),
    );
    this.count = h("select", {}, h("option", {}, "16"), h("option", {}, "64"));
    for (const choice of [this.kind, this.count])
      choice.addEventListener("change", () => this.begin());
    this.run.addEventListener("click", () => this.play(!this.playing));
    place.append(this.head(), this.body());
    onTheme(() => this.drawAll());
    this.begin();
  }

  private head(): HTMLElement {
    const label = (text: string, input: HTMLElement) =>
      h("label", { class: "control inline" }, h("span", {}, text), input);
    const again = h("button", { type: "button", click: () => this.begin() }, "Reset all");
    const copy = copyButton("the population's", () => this.code(), "Copy jaxdl code");
    return h(
      "div",
      { class: "row" },
      label("Members", this.count),
      label("differ in their", this.kind),
      this.run,
      again,
      copy,
    );
  }

  private body(): HTMLElement {
    const legend = h(
      "p",
      { class: "soft legend" },
      "Median, the middle half as a band, least and greatest as thin lines; dashed: test. Below: each member's test loss now. The copied code trains for the whole epochs so far.",
    );
    return h(
      "div",
      { class: "columns" },
      h("div", {}, this.summary, this.chart, this.strip, legend),
      this.grid,
    );
  }

  private code(): string {
    const { kind, values, epochs } = this.population;
    return populationCode(this.app.settings, { kind, values }, Math.max(1, Math.floor(epochs)));
  }

  private begin(): void {
    const kind = this.kind.value as Kind;
    const values = members(this.app.settings, kind, Number(this.count.value));
    this.settings = JSON.stringify(this.app.settings);
    this.population = new Population(this.app.settings, kind, values, this.app.run.data);
    this.views = this.population.runs.map((run) => viewOf(run));
    this.figures = values.map((value) => {
      const [canvas, caption] = [h("canvas", { "aria-hidden": "true" }), h("figcaption")];
      const title = kind === "seed" ? `seed ${value}` : `η ${value}`;
      this.grid.append(h("figure", { title }, canvas, caption));
      return { canvas, caption };
    });
    this.grid.replaceChildren(...this.figures.map((f) => f.canvas.parentElement!));
    this.play(false);
  }

  private play(on: boolean): void {
    this.playing = on;
    this.population.record();
    if (!on) this.drawAll();
    this.run.textContent = on ? "Pause all" : "Run all";
    if (!on && this.population.steps) say(this.text());
  }

  frame(): void {
    if (JSON.stringify(this.app.settings) !== this.settings) this.begin();
    if (!this.playing) return;
    this.population.advance(BUDGET, 5);
    if (this.turn++ % EVERY === 0) {
      this.population.record();
      this.drawCharts();
    }
    for (let i = 0; i < PICTURES; i++) this.picture(this.next++ % this.figures.length);
  }

  private drawAll(): void {
    this.figures.forEach((_, i) => this.picture(i));
    this.drawCharts();
  }

  private picture(i: number): void {
    const [run, view, { canvas, caption }] = [
      this.population.runs[i]!,
      this.views[i]!,
      this.figures[i]!,
    ];
    refreshed(view, run.layers, run.settings.activation);
    if (view.dimensions === 2) drawAnswer(canvas, view, run.settings);
    else drawView(canvas, view, valuesOf(view, run.layers.length, 0), 1.7);
    const name =
      this.population.kind === "seed" ? `${run.settings.seed}` : `η ${run.settings.rate}`;
    caption.textContent = `${name}: ${shown(this.population.history.at(-1)!.test[i]!)}`;
  }

  private text(): string {
    const { train, test } = this.population.history.at(-1)!;
    const spread = (x: number[]) =>
      `${shown(quantile(x, 0.5))} (${shown(quantile(x, 0))} to ${shown(quantile(x, 1))})`;
    return `Step ${this.population.steps}: training loss ${spread(train)}, test loss ${spread(test)}.`;
  }

  private drawCharts(): void {
    const { history } = this.population;
    const x = history.map((row) => row.step);
    const of = (part: "train" | "test", share: number) =>
      history.map((row) => quantile(row[part], share));
    const line = (part: "train" | "test", share: number, width: number) => {
      return {
        x,
        y: of(part, share),
        colour: part === "train" ? BLUE : ORANGE,
        width,
        dashed: part === "test",
        faint: width < 2,
      };
    };
    const lines = [
      line("test", 0.5, 2),
      line("train", 0, 1),
      line("train", 1, 1),
      line("train", 0.5, 3),
    ];
    const top =
      1.1 *
      Math.min(Math.max(...of("train", 1), ...of("test", 0.5)), 2 * quantile(history[0]!.train, 1));
    const band = { x, low: of("train", 0.25), high: of("train", 0.75), colour: BLUE };
    drawChart(this.chart, lines, { x: [0, Math.max(20, x.at(-1)!)], y: [0, top || 1], band });
    drawStrip(this.strip, history.at(-1)!.test, top || 1);
    this.summary.textContent = this.text();
    for (const canvas of [this.chart, this.strip]) canvas.setAttribute("aria-label", this.text());
  }
}

/** Each member's loss as a tick on a line. */
function drawStrip(canvas: HTMLCanvasElement, losses: number[], top: number): void {
  const x = losses.filter((v) => Number.isFinite(v)).map((v) => Math.min(v, top));
  const lines = x.map((v) => ({ x: [v, v], y: [0, 1], colour: ORANGE, faint: true, width: 2 }));
  drawChart(canvas, lines, { x: [0, top], y: [0, 1], bare: true });
}

export const POPULATION: Panel = {
  title: "Population",
  build(app, place) {
    const panel = new PopulationPanel(app, place);
    return () => panel.frame();
  },
};
