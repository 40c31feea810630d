/** Formulas as they are copied for TeX; the page sets the same trees. */

import { describe, expect, it } from "vitest";
import { ACTIVATIONS } from "../src/engine/activations";
import { LOSSES } from "../src/engine/losses";
import { OPTIMIZERS } from "../src/engine/optimizers";
import { parsed, texOf } from "../src/maths";

describe("TeX of a line", () => {
  it.each([
    ["z / (1 + |z|)", "$\\frac{z}{1+|z|}$"],
    ["(z + √(z² + 4)) / 2", "$\\frac{z+\\sqrt{z^2+4}}{2}$"],
    [
      "z·min(max(z / 6 + ½, 0), 1)",
      "$z \\cdot \\operatorname{min}(\\operatorname{max}(\\frac{z}{6}+\\frac{1}{2},0),1)$",
    ],
    ["log Σⱼ exp(zⱼ) − z_t", "$\\operatorname{log}\\sum _j\\operatorname{exp}(z_j) - z_t$"],
    ["g = ∂L/∂θ,  η = 0.1", "$g=\\frac{\\partial L}{\\partial \\theta }\\text{, }\\eta =0.1$"],
    [
      "d = √(u + ε) / √(v + ε)·g",
      "$d=\\frac{\\sqrt{u+\\varepsilon }}{\\sqrt{v+\\varepsilon }} \\cdot g$",
    ],
    [
      "θ ← θ − η·m / (√v + ε) with m, v the unbiased means of g, g²",
      "$\\theta \\leftarrow \\theta - \\frac{\\eta \\cdot m}{\\sqrt{v}+\\varepsilon }\\text{ with }m\\text{, }v\\text{ the unbiased means of }g\\text{, }g^2$",
    ],
    [
      "a¹ = leaky_relu(z¹),  W¹: 2×8",
      "$a^1=\\operatorname{leaky\\_relu}(z^1)\\text{, }W^1\\text{: }2 \\times 8$",
    ],
    ["z if z > 0, else 0.01·z", "$z\\text{ if }z>0\\text{, else }0.01 \\cdot z$"],
  ])("%s", (line, tex) => expect(texOf(line)).toBe(tex));
});

it("every formula that is offered is read whole, with nothing left that TeX lacks", () => {
  const all = [ACTIVATIONS, LOSSES, OPTIMIZERS].flatMap((table) => Object.values(table));
  for (const { formula } of all) {
    expect(parsed(formula).length).toBeGreaterThan(0);
    expect(texOf(formula)).toMatch(/^[\x20-\x7e]+$/);
    expect(texOf(formula).split("{").length).toBe(texOf(formula).split("}").length);
  }
});
