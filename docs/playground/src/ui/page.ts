/** The page as a whole: parts that follow the app, buttons, readings, the live region, the address. */

import { SPEEDS, type App, type Speed } from "../app";
import { classesOf, isDrawn, MOST_LAYERS } from "../engine/settings";
import { written } from "../url";
import { drawChart } from "./chart";
import { buildControls, DATA, TRAINING } from "./controls";
import { Diagram, type Choice } from "./diagram";
import { byId, h, shown } from "./dom";
import { Inspector } from "./inspector";
import { say } from "./live";
import { BLUE, CLASSES, onTheme, ORANGE } from "./palette";
import { Pens } from "./pens";
import { Plane } from "./plane";
import { Tabs } from "./tabs";
import { refreshed, viewOf, type View } from "./views";

const TURNS = 3; // frames after which all of the network has been shown anew
const SETTLED = 400; // milliseconds after which the address follows

export class Page {
  private readonly inspector: Inspector;
  private readonly diagram: Diagram;
  private readonly plane: Plane;
  private readonly tabs: Tabs;
  private readonly pens: Pens;
  private readonly gradients = byId("show-gradients") as HTMLInputElement;
  private view: View;
  private dirty = true; // something the network learned isn't shown yet
  private still = true; // nor is something that only a choice changes
  private frames = 0;
  private settling = 0;

  constructor(
    private readonly app: App,
    tab: string,
  ) {
    this.inspector = new Inspector(app);
    this.view = viewOf(app.run);
    const choose = (choice: Choice, source?: number) =>
      this.touched(() => this.inspector.show(choice, source));
    this.diagram = new Diagram(app, choose, () => this.touched());
    this.plane = new Plane(app, say);
    this.tabs = new Tabs(app, tab, () => this.settle());
    buildControls(app, byId("training"), TRAINING);
    buildControls(app, byId("data"), DATA);
    this.buttons();
    this.pens = new Pens(byId("data"), this.plane, () => app.change({ drawn: [] }));
    app.listen((event) => this.heard(event));
    onTheme(() => this.rebuilt());
    this.rebuilt();
    requestAnimationFrame((now) => this.loop(now));
  }

  private touched(change?: () => void): void {
    change?.();
    this.dirty = this.still = true;
  }

  private heard(event: "structure" | "frame" | "play"): void {
    this.dirty = true;
    if (event === "structure") this.rebuilt();
    if (event === "play") byId("run").textContent = this.app.playing ? "Pause" : "Run";
    if (event === "frame" && this.app.playing && this.app.speed === "slow") this.diagram.flow();
    if (event !== "frame" || !this.app.playing) this.settle();
  }

  private rebuilt(): void {
    this.view = viewOf(this.app.run);
    this.diagram.build();
    this.inspector.show(this.inspector.choice);
    const { hidden } = this.app.settings;
    byId("layer-count").textContent =
      hidden.length === 1 ? "1 hidden layer" : `${hidden.length} hidden layers`;
    (byId("remove-layer") as HTMLButtonElement).disabled = hidden.length === 0;
    (byId("add-layer") as HTMLButtonElement).disabled = hidden.length >= MOST_LAYERS;
    this.draws(isDrawn(this.app.settings));
    this.explains();
    this.touched();
  }

  private draws(on: boolean): void {
    const plane = byId("plane");
    plane.classList.toggle("drawing", on);
    plane.setAttribute("role", on ? "application" : "img");
    if (on) plane.tabIndex = 0;
    else plane.removeAttribute("tabindex");
    this.pens.show(on, classesOf(this.app.settings));
  }

  /** What the colours of the plane mean. */
  private explains(): void {
    const classes = classesOf(this.app.settings);
    const dot = (colour: string) => h("span", { class: "dot", style: `background:${colour}` });
    const named = CLASSES.slice(0, classes).flatMap((c, i) => [dot(c), `class ${i}`]);
    const numbers = [dot(ORANGE), "−1", dot(BLUE), "1, paler between; dashed edge: test"];
    const line = ["line: the network's answer; hollow: test"];
    const text = classes
      ? [...named, "; hollow: test"]
      : this.view.dimensions === 2
        ? numbers
        : line;
    byId("legend").replaceChildren(...text);
  }

  private buttons(): void {
    const { app } = this;
    const on = (id: string, act: () => void) => byId(id).addEventListener("click", act);
    on("run", () => app.play(!app.playing));
    on("step", () => (app.step(), this.diagram.flow()));
    on("reset", () => app.reset());
    on("add-layer", () =>
      app.change({ hidden: [...app.settings.hidden, app.settings.hidden.at(-1) ?? 4] }),
    );
    on("remove-layer", () => app.change({ hidden: app.settings.hidden.slice(0, -1) }));
    this.gradients.addEventListener("change", () => this.touched());
    const speed = byId("speed") as HTMLSelectElement;
    speed.append(...Object.keys(SPEEDS).map((s) => h("option", { selected: s === app.speed }, s)));
    speed.addEventListener("change", () => (app.speed = speed.value as Speed));
    window.addEventListener(
      "hashchange",
      () => location.hash.slice(1) !== this.address() && location.reload(),
    );
  }

  private loop(now: number): void {
    this.app.frame(now);
    if (this.dirty) this.paint();
    this.tabs.frame();
    requestAnimationFrame((next) => this.loop(next));
  }

  /** Shows the network; while it trains, one part this frame and another the next. */
  private paint(): void {
    const { run, history, playing } = this.app;
    const [frame, all] = [this.frames++, !playing || this.still];
    refreshed(this.view, run.layers, run.settings.activation);
    // What asks for its size comes before what changes the page, or the page is laid out twice.
    if (all || frame % TURNS === 1) drawLosses(history);
    this.plane.paint(this.view);
    if (this.still)
      this.diagram.paintStill(this.view, this.inspector.choice, this.gradients.checked);
    if (this.still) this.plane.drawPoints();
    this.diagram.paintNeurons(this.view, frame, all || this.app.speed === "slow" ? 1 : TURNS);
    if (all || frame % TURNS === 0) this.diagram.paintLines(this.gradients.checked);
    if (all || frame % TURNS === 2) this.inspector.paint(this.view);
    this.readings();
    this.dirty = this.still = false;
  }

  private readings(): void {
    const { app } = this;
    const { train, test } = app.history.at(-1)!;
    const rows: [string, string][] = [
      ["step", String(app.run.steps)],
      ["epoch", app.epoch.toFixed(Number.isInteger(app.epoch) ? 0 : 1)],
      ["training loss", shown(train)],
      ["test loss", shown(test)],
    ];
    if (!Number.isNaN(app.right.test))
      rows.push(["test right", `${(100 * app.right.test).toFixed(1)} %`]);
    const place = byId("readings");
    if (place.childElementCount !== rows.length) {
      place.replaceChildren(
        ...rows.map(([name]) => h("div", {}, h("dt", {}, name), h("dd", {}, ""))),
      );
    }
    rows.forEach(([, value], i) => (place.children[i]!.lastChild!.textContent = value));
  }

  private address(): string {
    return written({
      settings: this.app.settings,
      steps: this.app.run.steps,
      tab: this.tabs.current,
    });
  }

  /** Once nothing changes any more: says where the run is, and writes it into the address. */
  private settle(): void {
    clearTimeout(this.settling);
    this.settling = window.setTimeout(() => {
      if (this.app.playing) return;
      history.replaceState(null, "", `#${this.address()}`);
      const { train, test } = this.app.history.at(-1)!;
      const text = `Step ${this.app.run.steps}: training loss ${shown(train)}, test loss ${shown(test)}.`;
      byId("plane").setAttribute(
        "aria-label",
        `The plane with the data and the network's answer. ${text}`,
      );
      say(text);
    }, SETTLED);
  }
}

function drawLosses(rows: { step: number; train: number; test: number }[]): void {
  const canvas = byId("losses") as HTMLCanvasElement;
  const steps = rows.map((r) => r.step);
  const all = rows.flatMap((r) => [r.train, r.test]).filter((v) => Number.isFinite(v));
  const top = all.length ? Math.min(Math.max(...all), 3 * Math.max(rows[0]!.train, 1e-3) || 1) : 1;
  const x: [number, number] = [0, Math.max(20, steps.at(-1)!)];
  const lines = [
    { x: steps, y: rows.map((r) => r.test), colour: ORANGE, dashed: true },
    { x: steps, y: rows.map((r) => r.train), colour: BLUE },
  ];
  drawChart(canvas, lines, { x, y: [0, 1.05 * top] });
  canvas.setAttribute("aria-label", `Training and test loss over ${steps.at(-1)} steps`);
}
