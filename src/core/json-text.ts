// JSON that stays text. Values of steps, inputs and results travel from Python to the database and back without
// JSON.parse and JSON.stringify, because those change numbers above 2^53, -0, duplicate keys and lone surrogates.

/** A text that is one complete JSON value. */
export type JsonText = string & { readonly __brand: "JsonText" };

export const NULL_JSON = "null" as JsonText;

/** The text of a value made in TypeScript. Undefined becomes null. */
export function toJsonText(value: unknown): JsonText {
  return (JSON.stringify(value) ?? "null") as JsonText;
}

/** Parses a stored value for display or for a decision; never for storing it again. */
export function parseJson(text: JsonText): unknown {
  return JSON.parse(text);
}

const QUOTE = 34;
const BACKSLASH = 92;

function skipSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return at;
    at += 1;
  }
}

/** Index behind the string that starts at `from` (a quote); of a string without an end, the text's length or more. */
function skipString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at += 2;
    else if (code === QUOTE) return at + 1;
    else at += 1;
  }
  return at;
}

/** Index behind the value that starts at `from`. Not recursive: 5,000 levels are as good as one. */
function skipValue(text: string, from: number): number {
  let at = from;
  let depth = 0;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = skipString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (code === 123 || code === 91) depth += 1;
    else if (code === 125 || code === 93) {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (code === 44 || code <= 32 || Number.isNaN(code))) return at;
    at += 1;
  }
}

/**
 * The members of a JSON object as raw texts, in order; of a repeated key the last one wins, as in JSON.parse.
 * `text` must already have been accepted by JSON.parse and be an object: this only cuts, it does not check.
 */
export function sliceMembers(text: string): Map<string, JsonText> {
  const members = new Map<string, JsonText>();
  let at = skipSpace(text, 0) + 1;
  for (;;) {
    at = skipSpace(text, at);
    if (text.charCodeAt(at) === 125) return members;
    const keyEnd = skipString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = skipValue(text, start);
    members.set(key, text.slice(start, end) as JsonText);
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === 44) at += 1;
  }
}

/** Depth of nesting of a JSON text: 0 for a scalar. Linear and without recursion; ends on any text, JSON or not. */
export function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = skipString(text, at) - 1;
    else if (code === 123 || code === 91) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (code === 125 || code === 93) depth -= 1;
  }
  return deepest;
}
