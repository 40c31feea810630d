/** The formula and the code of what is on the screen, to be copied. */

import type { App } from "../app";
import { codeOf } from "../code";
import { formulaOf } from "../formula";
import { texOf, typeset } from "../maths";
import { h } from "../ui/dom";
import { say } from "../ui/live";
import type { Panel } from "../ui/tabs";

export const CODE: Panel = {
  title: "Formula and code",
  build(app: App, place: HTMLElement) {
    const formula = h("div", {
      class: "formula",
      tabindex: 0,
      role: "region",
      "aria-label": "Formula",
    });
    const code = h("pre", { tabindex: 0, role: "region", "aria-label": "Code" });
    const lines = () => formulaOf(app.settings, app.batchRows);
    const left = part(
      "Formula",
      formula,
      () => lines().join("\n"),
      "The network, its loss and its step.",
    );
    const tex = copyButton("Formula as TeX", () => lines().map(texOf).join("\n\n"), "Copy TeX");
    left.querySelector(".row")!.append(tex);
    const about =
      "Run with jaxdl, it trains from the same seed on the same points and prints the losses above, to rounding.";
    place.append(
      h(
        "div",
        { class: "code" },
        left,
        part("jaxdl code", code, () => code.textContent!, about),
      ),
    );
    let shownAt = "";
    return () => {
      const now = app.playing ? "playing" : `${app.run.steps} ${JSON.stringify(app.settings)}`;
      if (now === shownAt) return;
      shownAt = now;
      formula.replaceChildren(...lines().map((line) => h("p", {}, ...typeset(line))));
      code.textContent = codeOf(app.settings, app.run.steps);
    };
  },
};

function part(title: string, content: HTMLElement, text: () => string, about: string): HTMLElement {
  const head = h("div", { class: "row" }, h("h3", {}, title), copyButton(title, text));
  return h("section", {}, head, h("p", { class: "soft" }, about), content);
}

/** A button that copies a text. */
export function copyButton(title: string, text: () => string, label = "Copy"): HTMLButtonElement {
  const button = h("button", { type: "button", "data-copy": title }, label);
  button.setAttribute("aria-label", `${label}: ${title}`);
  button.addEventListener("click", async () => {
    await copied(text());
    button.textContent = "Copied";
    say(`${title} copied`);
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}

/** Pages from a disk may lack a clipboard of their own. */
async function copied(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}
