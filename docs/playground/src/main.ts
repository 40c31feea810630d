import { App } from "./app";
import { advance, begun } from "./engine/run";
import { DEFAULTS, type Settings } from "./engine/settings";
import { Page } from "./ui/page";
import { read } from "./url";
import "./style/page.css";
import "./style/parts.css";

/** For the console, and for the tests of this very page: its numbers and its speed. */
const open = {
  /** What each of the first steps descends with some settings. */
  losses(settings: Settings, steps: number): number[] {
    const run = begun(settings);
    return Array.from({ length: steps }, () => (advance(run), run.last));
  },
  /** Milliseconds of a step, the median of several. */
  time(changes: Partial<Settings>, steps: number): number {
    const run = begun({ ...DEFAULTS, ...changes });
    const times = Array.from({ length: steps }, () => {
      const before = performance.now();
      advance(run);
      return performance.now() - before;
    });
    return times.sort((a, b) => a - b)[steps >> 1]!;
  },
};

declare global {
  interface Window {
    jaxdlPlayground: typeof open;
  }
}

window.jaxdlPlayground = open;
const { settings, steps, tab } = read(location.hash);
new Page(new App(settings, steps), tab);
