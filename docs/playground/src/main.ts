import { App } from "./app";
import { advance, begun } from "./engine/run";
import type { Settings } from "./engine/settings";
import { Page } from "./ui/page";
import { read } from "./url";
import "./style.css";

/** For the console, and for the test that compares this very page with jaxdl. */
const open = {
  /** What each of the first steps descends with some settings. */
  losses(settings: Settings, steps: number): number[] {
    const run = begun(settings);
    return Array.from({ length: steps }, () => (advance(run), run.last));
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
