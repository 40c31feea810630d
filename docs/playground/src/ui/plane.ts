/** The data and the network's answer to the whole plane, and drawing points of one's own. */

import type { App } from "../app";
import { isDrawn, type Drawn } from "../engine/settings";
import type { Part } from "../engine/run";
import { byId, h } from "./dom";
import { BLUE, CLASSES, css, signedColour } from "./palette";
import { drawAnswer, valuesOf, type View } from "./views";

const MOST_DRAWN = 400;

export class Plane {
  private readonly answer = h("canvas", { "aria-hidden": "true" });
  private readonly points = h("canvas", { "aria-hidden": "true" });
  private readonly root = byId("plane");
  private cursor: [number, number] = [0, 0];
  pen = 1; // the class, or the number, of the points to come
  private view: View | null = null;

  constructor(
    private readonly app: App,
    private readonly say: (text: string) => void,
  ) {
    this.root.append(this.answer, this.points);
    this.root.addEventListener("pointerdown", (event) => this.touched(event));
    this.root.addEventListener("pointermove", (event) => event.buttons && this.touched(event));
    this.root.addEventListener("keydown", (event) => this.pressed(event));
    new ResizeObserver(() => this.drawPoints()).observe(this.root);
  }

  private get drawing(): boolean {
    return isDrawn(this.app.settings);
  }

  paint(view: View): void {
    this.view = view;
    this.answer.hidden = view.dimensions === 1;
    if (view.dimensions === 2) drawAnswer(this.answer, view, this.app.settings);
    else this.drawPoints();
  }

  private touched(event: PointerEvent): void {
    if (!this.drawing) return;
    event.preventDefault();
    const box = this.root.getBoundingClientRect();
    this.cursor = [
      2 * ((event.clientX - box.left) / box.width) - 1,
      1 - 2 * ((event.clientY - box.top) / box.height),
    ];
    this.add();
  }

  private pressed(event: KeyboardEvent): void {
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
    };
    const move = moves[event.key];
    if (!this.drawing || (!move && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    if (!move) return this.add();
    this.cursor = this.cursor.map((v, i) => Math.max(-1, Math.min(1, v + 0.05 * move[i]!))) as [
      number,
      number,
    ];
    this.say(`at ${this.cursor.map((v) => v.toFixed(2)).join(", ")}`);
    this.drawPoints();
  }

  private add(): void {
    const { drawn } = this.app.settings;
    const [x, y] = this.cursor.map((v) => Math.round(100 * v) / 100) as [number, number];
    const near = drawn.some((p) => Math.hypot(p[0] - x, p[1] - y) < 0.025);
    if (near || Math.max(Math.abs(x), Math.abs(y)) > 1 || drawn.length >= MOST_DRAWN) return;
    const point: Drawn = [x, y, this.pen];
    this.app.change({ drawn: [...drawn, point] });
    this.say(`point ${drawn.length + 1} at ${x}, ${y}: ${this.pen}`);
  }

  /** Draws the points; those of the test are hollow. */
  drawPoints(): void {
    if (!this.view) return;
    const pen = sharp(this.points);
    const side = this.points.clientWidth;
    pen.clearRect(0, 0, side, side);
    const { train, test } = this.app.run.data;
    if (this.view.dimensions === 1) return this.drawLine(pen, side);
    this.scatter(pen, side, test, true);
    this.scatter(pen, side, train, false);
    if (this.drawing && document.activeElement === this.root) this.drawCursor(pen, side);
  }

  private scatter(
    pen: CanvasRenderingContext2D,
    side: number,
    { points }: Part,
    hollow: boolean,
  ): void {
    const { half } = this.view!;
    points.labels.forEach((label, n) => {
      const [x, y] = [points.x[2 * n]!, points.x[2 * n + 1]!];
      pen.beginPath();
      pen.arc(
        (side * (x / half + 1)) / 2,
        (side * (1 - y / half)) / 2,
        side / 95 + 0.6,
        0,
        2 * Math.PI,
      );
      dot(
        pen,
        points.classes ? CLASSES[label]! : signedColour(label),
        hollow,
        points.classes === 0,
      );
    });
  }

  private drawCursor(pen: CanvasRenderingContext2D, side: number): void {
    const [x, y] = [(side * (this.cursor[0] + 1)) / 2, (side * (1 - this.cursor[1])) / 2];
    pen.strokeStyle = css("--ink");
    pen.strokeRect(x - 6, y - 6, 12, 12);
  }

  /** Points of a line with their numbers, and the network's answer as a curve. */
  private drawLine(pen: CanvasRenderingContext2D, side: number): void {
    const { half, x } = this.view!;
    const to = (v: number, most: number) => (side * (v / most + 1)) / 2;
    for (const [part, hollow] of [
      [this.app.run.data.test, true],
      [this.app.run.data.train, false],
    ] as const) {
      part.points.labels.forEach((label, n) => {
        pen.beginPath();
        pen.arc(
          to(part.points.x[n]!, half),
          side - to(label, 1.7),
          side / 95 + 0.6,
          0,
          2 * Math.PI,
        );
        dot(pen, "#767676", hollow);
      });
    }
    const answers = valuesOf(this.view!, this.view!.trace.z.length, 0);
    pen.strokeStyle = BLUE;
    pen.lineWidth = 3;
    pen.beginPath();
    answers.forEach((v, n) => pen.lineTo(to(x[n]!, half), side - to(v, 1.7)));
    pen.stroke();
  }
}

/** A point of a colour; a pale one, as numbers near 0 have it, gets a dark edge. */
function dot(pen: CanvasRenderingContext2D, colour: string, hollow: boolean, pale = false): void {
  pen.lineWidth = hollow ? 1.4 : 1;
  pen.fillStyle = hollow && !pale ? css("--card") : colour;
  pen.strokeStyle = pale ? css(hollow ? "--soft" : "--ink") : hollow ? colour : "#ffffffcc";
  pen.setLineDash(hollow && pale ? [2, 2] : []);
  pen.fill();
  pen.stroke();
  pen.setLineDash([]);
}

/** A canvas with a dot for each of the screen's. */
export function sharp(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const dense = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth * dense, canvas.clientHeight * dense].map(
    Math.round,
  ) as [number, number];
  if (canvas.width !== width || canvas.height !== height)
    [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d")!;
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  return pen;
}
