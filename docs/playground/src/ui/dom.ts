/** Making elements in a line. */

type Child = Node | string;
type Attributes = Record<string, string | number | boolean | ((event: never) => void)>;

/** An element with attributes; functions are listeners, true is an attribute without a value. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/** The same for a picture's parts. */
export function svg(tag: string, attributes: Attributes = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, String(value));
  }
}

/** The element of an id, which the page has. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`byId: the page has no #${id}`);
  return found;
}

/** A number as it is read: three digits. */
export function shown(x: number): string {
  if (!Number.isFinite(x)) return "–";
  const size = Math.abs(x);
  if (size !== 0 && (size < 0.001 || size >= 10000)) return x.toExponential(1).replaceAll("-", "−");
  return x.toFixed(size < 1 ? 3 : size < 100 ? 2 : 0).replace("-", "−");
}
