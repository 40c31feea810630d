/** An explorer of optimizers: their paths on a surface, by the rules that train the network. */

import type { App } from "../app";
import { OPTIMIZERS } from "../engine/optimizers";
import { pathOf, SURFACES, type Surface } from "../engine/surfaces";
import { drawChart, type Line } from "../ui/chart";
import { h, shown } from "../ui/dom";
import { css, LINES } from "../ui/palette";
import { sharp } from "../ui/plane";
import type { Panel } from "../ui/tabs";
import { choices, drawnFirst, keyed } from "./functions";

const CELLS = 90;
const LEVELS = 14;

export const OPTIMIZER_EXPLORER: Panel = {
  title: "Optimizers",
  build(app: App, place: HTMLElement) {
    const surface = h(
      "select",
      {},
      ...Object.entries(SURFACES).map(([name, s]) => h("option", { value: name }, s.title)),
    );
    const factor = h(
      "select",
      {},
      ...[0.1, 0.3, 1, 3, 10].map((f) =>
        h("option", { selected: f === 1, value: f }, `${f} times its own`),
      ),
    );
    const steps = h("input", { type: "range", min: 1, max: 300, value: 100 });
    const [map, losses, legend] = [
      h("canvas", { class: "surface", role: "img" }),
      h("canvas", { class: "chart", role: "img" }),
      h("div"),
    ];
    const from = [0, 1].map(() => h("input", { type: "number", step: "0.1" }));
    const start = (): [number, number] => [
      from[0]!.valueAsNumber || 0,
      from[1]!.valueAsNumber || 0,
    ];
    const begin = (point: [number, number]) => {
      point.forEach((v, i) => (from[i]!.value = String(Number(v.toFixed(2)))));
    };
    begin(SURFACES[surface.value]!.start);
    const draw = () =>
      drawPaths(
        SURFACES[surface.value]!,
        pick.chosen(),
        Number(factor.value),
        Number(steps.value),
        start(),
        { map, losses, legend },
      );
    const first = [...new Set([app.settings.optimizer, "sgd", "momentum", "adam", "rmsprop"])];
    const pick = choices(Object.keys(OPTIMIZERS), first, draw);
    surface.addEventListener("change", () => (begin(SURFACES[surface.value]!.start), draw()));
    for (const input of [factor, steps, ...from]) input.addEventListener("input", draw);
    map.addEventListener(
      "pointerdown",
      (event) => (begin(placeOf(event, map, SURFACES[surface.value]!.half)), draw()),
    );
    const label = (text: string, input: HTMLElement) =>
      h("label", { class: "control" }, h("span", {}, text), input);
    const controls = h(
      "div",
      { class: "columns four" },
      label("Surface", surface),
      label("Learning rate", factor),
      label("Steps", steps),
      h("div", { class: "row pair" }, label("Start x", from[0]!), label("Start y", from[1]!)),
    );
    const hint = h("p", { class: "soft" }, "Press on the surface to begin there.");
    place.append(
      controls,
      pick.element,
      h(
        "div",
        { class: "columns" },
        h("div", {}, map, hint),
        h("div", {}, h("h3", {}, "Height over steps"), losses, legend),
      ),
    );
    return drawnFirst(draw);
  },
};

function placeOf(event: PointerEvent, map: HTMLElement, half: number): [number, number] {
  const box = map.getBoundingClientRect();
  return [
    half * ((2 * (event.clientX - box.left)) / box.width - 1),
    half * (1 - (2 * (event.clientY - box.top)) / box.height),
  ];
}

interface Places {
  map: HTMLCanvasElement;
  losses: HTMLCanvasElement;
  legend: HTMLElement;
}

function drawPaths(
  surface: Surface,
  names: string[],
  factor: number,
  steps: number,
  from: [number, number],
  places: Places,
): void {
  const paths = names.map((name) =>
    pathOf(surface, name, factor * OPTIMIZERS[name]!.rate, steps, from),
  );
  drawMap(places.map, surface, paths);
  drawHeights(places.losses, surface, paths, steps);
  const last = (i: number) => shown(surface.value(...paths[i]!.at(-1)!));
  const text = (name: string) =>
    `${name}, η = ${Number((factor * OPTIMIZERS[name]!.rate).toPrecision(3))}: ${last(names.indexOf(name))} in the end. ${OPTIMIZERS[name]!.formula}`;
  places.legend.replaceChildren(...keyed(names, text));
  const spoken = `${surface.title}, ${surface.formula}. ${names.map((name, i) => `${name} ends at height ${last(i)}`).join(", ")}`;
  places.map.setAttribute("aria-label", spoken);
  places.losses.setAttribute("aria-label", spoken);
}

function drawMap(canvas: HTMLCanvasElement, surface: Surface, paths: [number, number][][]): void {
  const pen = sharp(canvas);
  const side = canvas.clientWidth;
  drawHeightsOf(pen, surface, side);
  const at = ([x, y]: [number, number]) =>
    [(side * (x / surface.half + 1)) / 2, (side * (1 - y / surface.half)) / 2] as const;
  paths.forEach((path, i) => {
    pen.strokeStyle = pen.fillStyle = LINES[i % LINES.length]!;
    pen.lineWidth = 2.2;
    pen.beginPath();
    for (const point of path) pen.lineTo(...at(point));
    pen.stroke();
    for (const point of [path[0]!, path.at(-1)!]) {
      pen.beginPath();
      pen.arc(...at(point), point === path[0] ? 3 : 5.5, 0, 2 * Math.PI);
      pen.fill();
    }
  });
}

/** Shades of height with steps between them, as on a map. */
function drawHeightsOf(pen: CanvasRenderingContext2D, surface: Surface, side: number): void {
  const cell = side / CELLS;
  const height = (i: number) => surface.half * ((2 * (i + 0.5)) / CELLS - 1);
  const values = Array.from({ length: CELLS * CELLS }, (_, n) =>
    surface.value(height(n % CELLS), -height(Math.floor(n / CELLS))),
  );
  const [low, high] = [Math.min(...values), Math.max(...values)];
  pen.fillStyle = css("--card");
  pen.fillRect(0, 0, side, side);
  pen.fillStyle = css("--ink");
  const edge = (i: number) => Math.round(i * cell);
  values.forEach((value, n) => {
    const [c, r] = [n % CELLS, Math.floor(n / CELLS)];
    const share = Math.log1p((30 * (value - low)) / (high - low)) / Math.log(31);
    pen.globalAlpha = 0.03 + (0.38 * Math.floor(LEVELS * share)) / LEVELS;
    pen.fillRect(edge(c), edge(r), edge(c + 1) - edge(c), edge(r + 1) - edge(r));
  });
  pen.globalAlpha = 1;
}

function drawHeights(
  canvas: HTMLCanvasElement,
  surface: Surface,
  paths: [number, number][][],
  steps: number,
): void {
  const heights = paths.map((path) => path.map((point) => surface.value(...point)));
  const lines: Line[] = heights.map((y, i) => ({
    x: Array.from(y.keys()),
    y,
    colour: LINES[i % LINES.length]!,
  }));
  const start = heights[0]?.[0] ?? 1;
  const low = Math.min(0, ...heights.flat().filter((v) => Number.isFinite(v)));
  drawChart(canvas, lines, { x: [0, steps], y: [low, 1.1 * Math.max(start, 0.1)] });
}
