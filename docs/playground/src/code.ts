/** The jaxdl code of what is on the screen: it gives the same numbers. */

import { FEATURES } from "./engine/features";
import { lossOf } from "./engine/losses";
import { begun, outputsOf, partsOf } from "./engine/run";
import { optimizerOf } from "./engine/optimizers";
import {
  classesOf,
  isDrawn,
  scaleOf,
  sizesOf,
  usedFeatures,
  type Settings,
} from "./engine/settings";
import { rest } from "./engine/split";
import { functionOf, TOYS, type Points } from "./engine/toys";

/** A program that trains this network for a number of steps and prints its losses. */
export function codeOf(settings: Settings, steps: number): string {
  return (
    [
      imports(settings),
      dataCode(settings),
      networkCode(settings),
      trainingCode(settings, steps),
    ].join("\n\n") + "\n"
  );
}

/** The values that the members of a population differ in. */
export interface Population {
  kind: "seed" | "rate";
  values: number[];
}

/** A program that trains a population for a number of epochs and prints the losses of its members. */
export function populationCode(settings: Settings, population: Population, epochs: number): string {
  const one = { ...settings, start: null };
  const head = imports(one).replace("import jax\n", "").replace(", train", ", sweep, train");
  return (
    [head, dataCode(one), networkCode(one, ""), sweepCode(one, population, epochs)].join("\n\n") +
    "\n"
  );
}

function imports({ l1, l2 }: Settings): string {
  const more = l1 || l2 ? "regularizers, " : "";
  return `import jax\nimport numpy as np\n\nfrom jaxdl import activations, data, losses, models, optim, ${more}train`;
}

function dataCode(settings: Settings): string {
  const rows = isDrawn(settings) ? drawnRows(settings) : toyRows(settings);
  return `${rows}\n\n\n${preparation(settings)}\n`;
}

function toyRows(settings: Settings): string {
  const { data, points, noise, dataSeed, share } = settings;
  const call = `data.${functionOf(data)}(${points}, noise=${python(noise)}, seed=${dataSeed}${TOYS[data]!.options})`;
  const strata = classesOf(settings) ? 'rows["labels"]' : `np.zeros(${points}, int)`;
  return [
    `toy = ${call}`,
    "parts = (toy.train, toy.validation, toy.test)",
    'rows = {name: np.concatenate([part[name] for part in parts]) for name in ("inputs", "labels")}',
    `shares = (${python(share)}, ${python(rest(share))})`,
    `train_rows, test_rows = data.stratified_split(${strata}, shares, seed=${dataSeed})`,
  ].join("\n");
}

function drawnRows(settings: Settings): string {
  const { train, test } = partsOf(settings);
  const places = ({ x }: Points) =>
    Array.from(
      { length: x.length / 2 },
      (_, i) => `[${short(x[2 * i]!)}, ${short(x[2 * i + 1]!)}]`,
    );
  const [inputs, labels] = [
    [...places(train), ...places(test)],
    [...train.labels, ...test.labels].map(short),
  ];
  const type = classesOf(settings) ? "" : "\n        np.float32,";
  return [
    `rows = {\n    "inputs": np.array(\n${wrapped(inputs, 8)}\n        np.float32,\n    ),`,
    `    "labels": np.array(\n${wrapped(labels, 8)}${type}\n    ),\n}`,
    `train_rows, test_rows = np.split(np.arange(${labels.length}), [${train.labels.length}])`,
  ].join("\n");
}

/** A list over several lines. */
function wrapped(items: string[], indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const item of items) {
    if (line.length + item.length > 84 - indent) [line] = (lines.push(line), [""]);
    line += `${item}, `;
  }
  const space = " ".repeat(indent);
  return [
    `${space}[`,
    ...[...lines, line].map((l) => `${space}    ${l.trimEnd()}`),
    `${space}],`,
  ].join("\n");
}

function preparation(settings: Settings): string {
  const scale = scaleOf(settings);
  const divisor = scale === Math.PI ? "np.pi" : short(scale);
  const x = `rows["inputs"][chosen]${scale === 1 ? "" : ` / np.float32(${divisor})`}`;
  const columns = usedFeatures(settings).map((name) => FEATURES[name]!.python);
  return [
    "def prepared(chosen):",
    '    """Features and labels of the chosen rows."""',
    `    x = ${x}`,
    `    features = ${stacked(columns)}`,
    `    labels = ${labels(settings)}`,
    '    return {"inputs": features.astype(np.float32), "labels": labels}',
  ].join("\n");
}

function stacked(columns: string[]): string {
  const line = `np.stack([${columns.join(", ")}], axis=1)`;
  return line.length < 84 ? line : `np.stack(\n${wrapped(columns, 8)}\n        axis=1,\n    )`;
}

function labels(settings: Settings): string {
  const { target } = lossOf(settings.loss);
  if (target === "class") return 'rows["labels"][chosen]';
  const column = 'rows["labels"][chosen].reshape(-1, 1)';
  if (classesOf(settings) === 0) return column;
  return `${target === "sign" ? `(2 * ${column} - 1)` : column}.astype(np.float32)`;
}

function networkCode(settings: Settings, rate = python(settings.rate)): string {
  const { activation, loss, optimizer, dropout, l1, l2 } = settings;
  const sizes = sizesOf(settings, outputsOf(settings));
  const more = dropout ? `, rate=${python(dropout)}` : "";
  const terms = [
    l1 && `${python(l1)} * regularizers.l1_penalty(p)`,
    l2 && `${python(l2)} * regularizers.l2_penalty(p)`,
  ];
  const penalty = terms.filter(Boolean).join(" + ");
  const regularizer = penalty && `,\n    regularizer=lambda p: ${penalty},\n`;
  const call = regularizer ? `\n    net,\n    losses.${loss}${regularizer}` : `net, losses.${loss}`;
  const lines = [
    `net = models.mlp((${sizes.join(", ")}), activation=activations.${activation}${more})`,
    `loss_fn = train.supervised(${call})`,
  ];
  if (rate) lines.push(`tx = ${optimizerOf(optimizer).call(rate)}`);
  return lines.join("\n");
}

function trainingCode(settings: Settings, steps: number): string {
  const params = settings.start ? `${weights(settings)}\n` : "";
  const start = `start = train.init_state(net, tx, jax.random.key(${settings.seed})${params && ", params=params"})`;
  const fit = `end, _ = train.fit(\n    loss_fn,\n    tx,\n    start,\n    dataset,\n    max_steps=${steps},\n    batch_size=${batch(settings)},\n    hooks=(),\n)`;
  const tested = partsOf(settings).test.labels.length > 0;
  const test = tested ? ", test=prepared(test_rows)" : "";
  const lines = [
    `dataset = data.Dataset(train=prepared(train_rows)${test})`,
    params + start,
    steps ? fit : "end = start",
    'print("training loss", train.evaluate(loss_fn, end, dataset.train)["loss"])',
  ];
  if (tested) lines.push('print("test loss", train.evaluate(loss_fn, end, dataset.test)["loss"])');
  return lines.join("\n");
}

function batch(settings: Settings): string {
  return settings.batch ? String(settings.batch) : "len(train_rows)";
}

/** Weights set by hand, in the places that `serial` has for them. */
function weights(settings: Settings): string {
  const { layers } = begun(settings);
  const between = settings.dropout ? "    (),\n    (),\n" : "    (),\n";
  const array = (x: Float64Array) => `np.float32([${Array.from(x, short).join(", ")}])`;
  const dense = layers.map(
    ({ kernel, bias, nIn, nOut }) =>
      `    {\n        "kernel": ${array(kernel)}.reshape(${nIn}, ${nOut}),\n        "bias": ${array(bias)},\n    },\n`,
  );
  return `params = (\n${dense.join(between)})\nparams = jax.tree.map(jax.numpy.asarray, params)`;
}

function sweepCode(settings: Settings, { kind, values }: Population, epochs: number): string {
  const call = optimizerOf(settings.optimizer).call(
    kind === "rate" ? "learning_rate" : python(settings.rate),
  );
  const rates = () =>
    `{\n        "learning_rate": [\n${wrapped(values.map(python), 8).split("\n").slice(1).join("\n")}\n    }`;
  const seeds =
    kind === "rate" ? `[${settings.seed}]` : `range(${values[0]}, ${values.at(-1)! + 1})`;
  const grid = `    seeds=${seeds},${kind === "rate" ? `\n    grid=${rates()},` : ""}`;
  return [
    `\ndef make_run(${kind === "rate" ? "learning_rate" : ""}):\n    return sweep.Run(net, loss_fn, ${call})\n\n`,
    "dataset = data.Dataset(train=prepared(train_rows), test=prepared(test_rows))",
    `result = sweep.run(\n    make_run,\n    dataset,\n    epochs=${epochs},\n${grid}\n    batch_size=${batch(settings)},\n    order="own",\n    hooks=(),\n)`,
    'print("training losses", sweep.evaluate(make_run, result, dataset.train)["loss"])',
    'print("test losses", sweep.evaluate(make_run, result, dataset.test)["loss"])',
  ].join("\n");
}

/** A number as Python writes a float. */
function python(x: number): string {
  const text = String(x);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** A float32 with the digits that tell it apart. */
function short(x: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const near = Number(x.toPrecision(digits));
    if (Math.fround(near) === Math.fround(x)) return String(near);
  }
  return String(Math.fround(x));
}
