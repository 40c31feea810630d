/** Formulas written in a line, as "z / (1 + |z|)": read into trees, and set as MathML or as TeX. */

/** A part of a formula: a leaf with its text, or a kind of arrangement of other parts. */
export type Tree =
  | { kind: "number" | "name" | "function" | "operator" | "words"; text: string }
  | { kind: "row" | "power" | "index" | "fraction" | "root" | "group"; parts: Tree[] };

const FUNCTIONS = new Set(["exp", "log", "max", "min", "sign", "sin", "cosh", "tanh", "drop"]);
const TOKEN =
  /\s+|\d+(?:\.\d+)?|[a-z]\d_[a-z]+|[A-Za-z]{2}[A-Za-z0-9_']*|[A-Za-zΑ-Ωα-ωℓ]|[⁰¹²³⁴⁵⁶⁷⁸⁹]|_t|ⱼ|½|[^\s]/gu;
const WORD = /^[A-Za-z]([A-Za-z]|\d_)/;
const UP = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** The mathematics and the words of a line, in turn; words may break where the line ends. */
export function parsed(line: string): (Tree | string)[] {
  const tokens = line.match(TOKEN) ?? [];
  const found: (Tree | string)[] = [];
  let words = "";
  for (let at = 0; at < tokens.length;) {
    const end = endOfMaths(tokens, at);
    if (end === at) words += tokens[at++];
    else {
      if (words) found.push(words);
      found.push(new Reader(tokens.slice(at, end)).row());
      [words, at] = ["", end];
    }
  }
  return words ? [...found, words] : found;
}

/** Where mathematics that begins at a token ends: at words, or at a comma outside brackets. */
function endOfMaths(tokens: string[], from: number): number {
  if (!tokens[from]!.trim()) return from;
  let [depth, end] = [0, from];
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at]!;
    const isWord = WORD.test(token) && !isFunction(tokens, at);
    if (depth === 0 && (isWord || /^[,;:.)]$/.test(token))) break;
    depth += /[({]/.test(token) ? 1 : /[)}]/.test(token) ? -1 : 0;
    if (token.trim()) end = at + 1;
  }
  return end;
}

function isFunction(tokens: string[], at: number): boolean {
  return FUNCTIONS.has(tokens[at]!) || tokens[at + 1] === "(";
}

class Reader {
  private at = 0;

  constructor(private readonly tokens: string[]) {}

  private get next(): string | undefined {
    return this.tokens[this.at];
  }

  private skip(): void {
    while (this.next?.trim() === "") this.at += 1;
  }

  /** Everything up to a closing sign; `/` divides the product before it by what follows. */
  row(close?: string): Tree {
    const parts: Tree[] = [];
    let product = 0; // where the product before a `/` begins
    for (this.skip(); this.next !== undefined && this.next !== close; this.skip()) {
      if (this.next === "/") {
        this.at += 1;
        this.skip();
        const over = bare({ kind: "row", parts: parts.splice(product) });
        parts.push({ kind: "fraction", parts: [over, bare(this.factor())] });
        continue;
      }
      const part = this.factor();
      parts.push(part);
      if (part.kind === "words" || (part.kind === "operator" && part.text !== "·"))
        product = parts.length;
    }
    this.at += 1;
    return parts.length === 1 ? parts[0]! : { kind: "row", parts };
  }

  /** One part with what is written above or below it. */
  private factor(): Tree {
    let part = this.base();
    for (;;) {
      const up = this.next === undefined ? -1 : UP.indexOf(this.next);
      if (up >= 0) part = { kind: "power", parts: [part, { kind: "number", text: String(up) }] };
      else if (this.next === "_t" || this.next === "ⱼ") {
        const below: Tree = { kind: "name", text: this.next === "ⱼ" ? "j" : "t" };
        part = { kind: "index", parts: [part, below] };
      } else return part;
      this.at += 1;
    }
  }

  private base(): Tree {
    const token = this.tokens[this.at++]!;
    if (/^\d/.test(token)) return { kind: "number", text: token };
    if (token === "½") return { kind: "fraction", parts: [number("1"), number("2")] };
    if (token === "√") return { kind: "root", parts: [bare(this.factor())] };
    const close = { "(": ")", "{": "}", "|": "|" }[token];
    if (close) {
      const inner = this.row(close);
      const [left, right] = [operator(token), operator(close)];
      return { kind: "group", parts: [left, inner, right] };
    }
    if (token === "∂") return { kind: "row", parts: [operator(token), this.factor()] };
    if (WORD.test(token))
      return { kind: isFunction(this.tokens, this.at - 1) ? "function" : "words", text: token };
    return /^[A-Za-zΑ-Ωα-ωℓ]$/u.test(token) && token !== "Σ"
      ? { kind: "name", text: token }
      : operator(token);
  }
}

function number(text: string): Tree {
  return { kind: "number", text };
}

function operator(text: string): Tree {
  return { kind: "operator", text };
}

/** A part without its round brackets: a fraction and a root need none. */
function bare(tree: Tree): Tree {
  if (tree.kind === "row" && tree.parts.length === 1) return bare(tree.parts[0]!);
  const isRound = tree.kind === "group" && "text" in tree.parts[0]! && tree.parts[0].text === "(";
  return isRound ? tree.parts[1]! : tree;
}

const MATHML = "http://www.w3.org/1998/Math/MathML";
const TAGS = {
  number: "mn",
  name: "mi",
  function: "mi",
  operator: "mo",
  words: "mtext",
  row: "mrow",
  power: "msup",
  index: "msub",
  fraction: "mfrac",
  root: "msqrt",
  group: "mrow",
};

/** A line as nodes of a page: MathML, which browsers set by themselves, and words. */
export function typeset(line: string): Node[] {
  return parsed(line).map((part) => {
    if (typeof part === "string") return document.createTextNode(part);
    const math = document.createElementNS(MATHML, "math");
    math.append(element(part));
    return math;
  });
}

function element(tree: Tree): Element {
  const made = document.createElementNS(MATHML, TAGS[tree.kind]);
  if ("text" in tree)
    made.textContent = tree.kind === "words" ? `\u00a0${tree.text}\u00a0` : tree.text;
  else made.append(...spaced(tree.parts).map(element));
  return made;
}

/** A function beside its argument without brackets, as log σ(z), gets a little room. */
function spaced(parts: Tree[]): Tree[] {
  return parts.flatMap((part, i) => {
    const before = parts[i - 1];
    const close = before?.kind === "function" && part.kind !== "group";
    return close ? [number("\u2009"), part] : [part];
  });
}

const TEX: Record<string, string> = {
  "·": " \\cdot ",
  "−": " - ",
  "←": " \\leftarrow ",
  "×": " \\times ",
  "∈": " \\in ",
  "≥": " \\ge ",
  "∂": "\\partial ",
  Σ: "\\sum ",
  "{": "\\{",
  "}": "\\}",
  θ: "\\theta ",
  η: "\\eta ",
  π: "\\pi ",
  ε: "\\varepsilon ",
  σ: "\\sigma ",
  δ: "\\delta ",
  Φ: "\\Phi ",
  ℓ: "\\ell ",
};

/** A line as TeX, for a slide. */
export function texOf(line: string): string {
  const texts = parsed(line).map((part) =>
    typeof part === "string" ? `\\text{${part.replaceAll("_", "\\_")}}` : tex(part),
  );
  return `$${texts.join("").replace(/ +/g, " ").trim()}$`;
}

function tex(tree: Tree): string {
  if ("text" in tree) return leaf(tree);
  const parts = tree.parts.map(tex);
  if (tree.kind === "power") return `${parts[0]}^${parts[1]}`;
  if (tree.kind === "index") return `${parts[0]}_${parts[1]}`;
  if (tree.kind === "fraction") return `\\frac{${parts[0]}}{${parts[1]}}`;
  if (tree.kind === "root") return `\\sqrt{${parts[0]}}`;
  return parts.join("");
}

function leaf({ kind, text }: { kind: string; text: string }): string {
  if (kind === "words") return `\\text{ ${text} }`;
  if (kind === "function") return `\\operatorname{${text.replaceAll("_", "\\_")}}`;
  return TEX[text] ?? text;
}
