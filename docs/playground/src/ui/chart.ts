/** Curves on axes, for losses and for functions. */

import { css } from "./palette";
import { sharp } from "./plane";
import { ticks } from "./ticks";

export interface Line {
  x: ArrayLike<number>;
  y: ArrayLike<number>;
  colour: string;
  dashed?: boolean;
  width?: number;
  faint?: boolean;
}

export interface Axes {
  x: [number, number];
  y: [number, number];
  bare?: boolean; // without a vertical axis
  band?: { x: ArrayLike<number>; low: ArrayLike<number>; high: ArrayLike<number>; colour: string };
}

const LEFT = 44;
const BOTTOM = 20;
const TOP = 6;

/** Draws lines on axes with ticks. */
export function drawChart(canvas: HTMLCanvasElement, lines: Line[], axes: Axes): void {
  const pen = sharp(canvas);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  pen.clearRect(0, 0, width, height);
  const [low, high] = axes.y;
  const x = (v: number) =>
    LEFT + ((width - LEFT - 8) * (v - axes.x[0])) / (axes.x[1] - axes.x[0] || 1);
  const y = (v: number) =>
    height - BOTTOM - ((height - BOTTOM - TOP) * (v - low)) / (high - low || 1);
  drawTicks(pen, axes, x, y);
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, 0, width - LEFT, height - BOTTOM + 1);
  pen.clip();
  if (axes.band) drawBand(pen, axes.band, x, y);
  for (const line of lines) drawLine(pen, line, x, y);
  pen.restore();
}

type Scale = (v: number) => number;

function drawTicks(pen: CanvasRenderingContext2D, axes: Axes, x: Scale, y: Scale): void {
  pen.font = "11px system-ui, sans-serif";
  pen.fillStyle = css("--soft");
  pen.strokeStyle = css("--line");
  pen.lineWidth = 1;
  const level = axes.bare ? [axes.y[0]] : ticks(axes.y, 4);
  pen.textAlign = "right";
  for (const v of level) {
    pen.beginPath();
    pen.moveTo(LEFT, y(v));
    pen.lineTo(x(axes.x[1]), y(v));
    pen.stroke();
    if (!axes.bare) pen.fillText(label(v), LEFT - 5, y(v) + 4);
  }
  pen.textAlign = "center";
  for (const v of ticks(axes.x, 4))
    pen.fillText(label(v), Math.min(x(v), x(axes.x[1]) - 10), y(axes.y[0]) + 15);
}

function drawLine(pen: CanvasRenderingContext2D, line: Line, x: Scale, y: Scale): void {
  pen.strokeStyle = line.colour;
  pen.globalAlpha = line.faint ? 0.45 : 1;
  pen.lineWidth = line.width ?? 2;
  pen.setLineDash(line.dashed ? [5, 4] : []);
  pen.beginPath();
  for (let i = 0; i < line.x.length; i++)
    if (Number.isFinite(line.y[i]!)) pen.lineTo(x(line.x[i]!), y(line.y[i]!));
  pen.stroke();
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

function drawBand(
  pen: CanvasRenderingContext2D,
  band: NonNullable<Axes["band"]>,
  x: Scale,
  y: Scale,
): void {
  pen.fillStyle = band.colour;
  pen.globalAlpha = 0.22;
  pen.beginPath();
  for (let i = 0; i < band.x.length; i++) pen.lineTo(x(band.x[i]!), y(band.low[i]!));
  for (let i = band.x.length - 1; i >= 0; i--) pen.lineTo(x(band.x[i]!), y(band.high[i]!));
  pen.fill();
  pen.globalAlpha = 1;
}

function label(v: number): string {
  const text =
    Math.abs(v) >= 10000 || (v !== 0 && Math.abs(v) < 0.001)
      ? v.toExponential(0)
      : String(Number(v.toPrecision(3)));
  return text.replace("-", "−");
}
