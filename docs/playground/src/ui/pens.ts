/** What points are drawn with: a class, or a number, and a button that clears them. */

import { h } from "./dom";
import type { Plane } from "./plane";

const HINT =
  "Press on the plane to put points there; with the keyboard, move by arrows and press Enter.";

export class Pens {
  private readonly root = h("div", { id: "pens" });
  private readonly classes: HTMLElement;
  private readonly number: HTMLElement;
  private readonly slider = h("input", { type: "range", min: -1, max: 1, step: 0.1, value: 1 });

  constructor(
    place: HTMLElement,
    private readonly plane: Plane,
    clear: () => void,
  ) {
    this.classes = h("div", {}, this.pen(1, "blue, class 1"), this.pen(0, "orange, class 0"));
    const shown = h("output", { "aria-hidden": "true" }, "1");
    this.slider.addEventListener("input", () => {
      plane.pen = Number(this.slider.value);
      shown.textContent = this.slider.value;
    });
    const label = h("span", {}, "Number to draw", shown);
    this.number = h("label", { class: "control" }, label, this.slider);
    const button = h("button", { type: "button", click: clear }, "Clear");
    this.root.append(this.classes, this.number, button, h("p", { class: "soft" }, HINT));
    place.append(this.root);
  }

  private pen(label: number, title: string): HTMLElement {
    const choose = () => (this.plane.pen = label);
    const checked = label === 1;
    const radio = h("input", { type: "radio", name: "pen", value: label, checked, change: choose });
    return h("label", { class: "check" }, radio, title);
  }

  /** Shows the pens that suit the data: classes, or numbers where there are none. */
  show(on: boolean, classes: number): void {
    this.root.hidden = !on;
    const [hasClasses, hadClasses] = [classes > 0, !this.classes.hidden];
    this.classes.hidden = !hasClasses;
    this.number.hidden = hasClasses;
    if (hadClasses === hasClasses) return;
    const chosen = this.classes.querySelector<HTMLInputElement>(":checked")!;
    this.plane.pen = Number(hasClasses ? chosen.value : this.slider.value);
  }
}
