/** The algorithms of `jaxdl.optim` that take one step for each gradient. */

import * as rules from "./rules";
import type { Rule } from "./rules";

export interface Optimizer {
  formula: string;
  rate: number; // a good learning rate to begin with
  call: (rate: string) => string; // the expression in Python
  rule: Rule;
}

export const OPTIMIZERS: Record<string, Optimizer> = {
  sgd: of("θ ← θ − η·g", 0.3, rules.momentum(0, false), "sgd"),
  momentum: of(
    "v ← 0.9·v + g; θ ← θ − η·v",
    0.03,
    rules.momentum(0.9, false),
    "sgd",
    "momentum=0.9",
  ),
  nesterov: of(
    "v ← 0.9·v + g; θ ← θ − η·(g + 0.9·v)",
    0.03,
    rules.momentum(0.9, true),
    "sgd",
    "momentum=0.9, nesterov=True",
  ),
  adam: of(
    "θ ← θ − η·m / (√v + ε) with m, v the unbiased means of g, g²",
    0.03,
    rules.adam(0, false),
    "adam",
  ),
  adamw: of("as adam, and θ ← θ − η·w·θ with w = 0.01", 0.03, rules.adam(0.01, false), "adamw"),
  amsgrad: of(
    "as adam, with the largest v so far",
    0.03,
    rules.adam(0, true),
    "adam",
    "amsgrad=True",
  ),
  adamax: of("u ← max(0.999·u, |g| + ε); θ ← θ − η·m / u", 0.03, rules.adamax, "adamax"),
  nadam: of("adam with Nesterov's look ahead", 0.03, rules.nadam, "nadam"),
  radam: of("adam whose first steps are those of momentum", 0.03, rules.radam, "radam"),
  rmsprop: of("v ← 0.99·v + 0.01·g²; θ ← θ − η·g / (√v + ε)", 0.01, rules.rmsprop, "rmsprop"),
  adagrad: of("v ← v + g²; θ ← θ − η·g / (√v + ε)", 0.1, rules.adagrad, "adagrad"),
  adadelta: of(
    "d = √(u + ε) / √(v + ε)·g; u: mean of d²; θ ← θ − η·d",
    1,
    rules.adadelta,
    "adadelta",
  ),
  adafactor: of("as adam, v from its rows and columns", 0.1, rules.adafactor, "adafactor"),
  asgd: of("θ ← θ − η·(g + 0.0001·θ), η falling slowly", 0.3, rules.asgd, "asgd"),
  rprop: of(
    "step sizes of their own: ×1.2, or ×0.5 where the sign turns",
    0.01,
    rules.rprop,
    "rprop",
  ),
};

/** The optimizer of a name. */
export function optimizerOf(name: string): Optimizer {
  const found = OPTIMIZERS[name];
  if (!found) throw new Error(`optimizerOf: no optimizer ${name}`);
  return found;
}

function of(formula: string, rate: number, rule: Rule, name: string, options = ""): Optimizer {
  const more = options && `, ${options}`;
  return { formula, rate, rule, call: (eta) => `optim.${name}(${eta}${more})` };
}
