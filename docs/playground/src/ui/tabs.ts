/** The panels below the network, one at a time. */

import type { App } from "../app";
import { CODE } from "../panels/code";
import { ACTIVATION_EXPLORER, LOSS_EXPLORER } from "../panels/functions";
import { OPTIMIZER_EXPLORER } from "../panels/paths";
import { POPULATION } from "../panels/population";
import { byId, h } from "./dom";

/** What a panel shows, and what it does each frame while it is shown. */
export interface Panel {
  title: string;
  build(app: App, place: HTMLElement): void | (() => void);
}

const PANELS: Record<string, Panel> = {
  code: CODE,
  population: POPULATION,
  activations: ACTIVATION_EXPLORER,
  losses: LOSS_EXPLORER,
  optimizers: OPTIMIZER_EXPLORER,
};

export class Tabs {
  current: string;
  private onFrame: void | (() => void) = undefined;
  private readonly place = byId("panel");

  constructor(
    private readonly app: App,
    first: string,
    private readonly changed: () => void,
  ) {
    this.current = Object.hasOwn(PANELS, first) ? first : Object.keys(PANELS)[0]!;
    const list = byId("tabs");
    for (const [name, panel] of Object.entries(PANELS)) {
      const attributes = {
        role: "tab",
        type: "button",
        id: `tab-${name}`,
        "aria-controls": "panel",
        click: () => this.open(name),
      };
      list.append(h("button", attributes, panel.title));
    }
    list.addEventListener("keydown", (event) => this.pressed(event));
    this.show();
  }

  frame(): void {
    this.onFrame?.();
  }

  private open(name: string): void {
    this.current = name;
    this.show();
    this.changed();
  }

  private show(): void {
    for (const tab of byId("tabs").children) {
      const on = tab.id === `tab-${this.current}`;
      tab.setAttribute("aria-selected", String(on));
      (tab as HTMLElement).tabIndex = on ? 0 : -1;
    }
    this.place.setAttribute("aria-labelledby", `tab-${this.current}`);
    this.place.replaceChildren();
    this.onFrame = PANELS[this.current]?.build(this.app, this.place);
  }

  private pressed(event: KeyboardEvent): void {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    const names = Object.keys(PANELS);
    const next = names[(names.indexOf(this.current) + move + names.length) % names.length]!;
    this.open(next);
    byId(`tab-${next}`).focus();
  }
}
