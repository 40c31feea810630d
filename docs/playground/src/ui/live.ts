/** The live region. */

import { byId } from "./dom";

/** Lets a screen reader speak. */
export function say(text: string): void {
  byId("live").textContent = text;
}
