/** The formula of what is on the screen, line by line. */

import { activationOf } from "./engine/activations";
import { FEATURES } from "./engine/features";
import { lossOf } from "./engine/losses";
import { optimizerOf } from "./engine/optimizers";
import { outputsOf } from "./engine/run";
import { classesOf, sizesOf, usedFeatures, type Settings } from "./engine/settings";

const UP = "⁰¹²³⁴⁵⁶⁷";

/** Features, layers, loss and step as text. */
export function formulaOf(settings: Settings, batchRows: number): string[] {
  return [...layers(settings), objective(settings, batchRows), step(settings)];
}

function layers(settings: Settings): string[] {
  const { activation, dropout, hidden } = settings;
  const sizes = sizesOf(settings, outputsOf(settings));
  const features = usedFeatures(settings).map((name) => FEATURES[name]!.title);
  const lines = [`a⁰ = (${features.join(", ")})`];
  hidden.forEach((size, i) => {
    const inner = `z${UP[i + 1]} = a${UP[i]}·W${UP[i + 1]} + b${UP[i + 1]}`;
    const outer = `a${UP[i + 1]} = ${dropout ? `drop(${activation}(z${UP[i + 1]}))` : `${activation}(z${UP[i + 1]})`}`;
    lines.push(`${inner},  ${outer},  W${UP[i + 1]}: ${sizes[i]}×${size}`);
  });
  const last = hidden.length;
  lines.push(
    `z = a${UP[last]}·W${UP[last + 1]} + b${UP[last + 1]},  W${UP[last + 1]}: ${sizes[last]}×${sizes[last + 1]}`,
  );
  const { formula } = activationOf(activation);
  if (hidden.length && formula !== `${activation} z`) lines.push(`${activation}(z) = ${formula}`);
  if (dropout && hidden.length)
    lines.push(`drop(a) = a / ${1 - dropout} with probability ${1 - dropout}, else 0, in training`);
  return lines;
}

function objective(settings: Settings, rows: number): string {
  const { loss, l1, l2 } = settings;
  const penalties = [l1 && ` + ${l1}·Σ|w|`, l2 && ` + ${l2}·Σw²`].filter(Boolean).join("");
  return `L = 1/${rows}·Σ ℓ${penalties},  ℓ = ${lossOf(loss).formula}${target(settings)}`;
}

function target(settings: Settings): string {
  if (classesOf(settings) === 0) return ",  t the number";
  return { bit: ",  t ∈ {0, 1}", sign: ",  t ∈ {−1, 1}", class: ",  t the class" }[
    lossOf(settings.loss).target
  ];
}

function step({ optimizer, rate }: Settings): string {
  return `g = ∂L/∂θ,  ${optimizerOf(optimizer).formula},  η = ${rate}`;
}
