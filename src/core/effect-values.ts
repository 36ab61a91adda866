// Values of effects within their bounds: a JSON text that is too long is replaced by a JSON object that says so, so that whoever reads it
// still reads JSON.
import { toJsonText, type JsonText } from "./json-text.ts";

/** Of a value that was cut: what is left of its text, in characters. */
const HEAD = 2_000;

/** The value, or `{"$cut": {"size", "head"}}`. `size` counts characters of its JSON. */
export function boundedValue(text: JsonText, most: number): JsonText {
  if (text.length <= most) return text;
  return toJsonText({ $cut: { size: text.length, head: text.slice(0, HEAD).toWellFormed() } });
}

/** What a list says instead of a long value. */
export function omittedValue(size: number): JsonText {
  return toJsonText({ $omitted: { size } });
}

/** Whether a value is one of those above and not what a call sent or got. */
export function isIncomplete(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("$cut" in value || "$omitted" in value);
}
