// Cuts a JSON array into the texts of its elements, so that each can be passed on as it was written.
import type { JsonText } from "./json-text.ts";

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{},]/gs;

/** The elements in order. `array` must be JSON and an array: this only cuts. */
export function sliceElements(array: JsonText): JsonText[] {
  const found: string[] = [];
  const first = array.indexOf("[") + 1;
  let depth = 0;
  let from = first;
  TOKEN.lastIndex = first;
  for (let token = TOKEN.exec(array); token; token = TOKEN.exec(array)) {
    const [text] = token;
    if (text === "{" || text === "[") depth += 1;
    else if (text === "," && depth === 0) {
      found.push(array.slice(from, token.index));
      from = TOKEN.lastIndex;
    } else if (text === "}" || text === "]") {
      depth -= 1;
      if (depth < 0) found.push(array.slice(from, token.index));
    }
  }
  return found.map((text) => text.trim() as JsonText).filter((text) => text !== "");
}
