// Options like `--set STEP=JSON`, given any number of times, as one JSON object.
import { ChironError } from "../core/errors.ts";
import type { JsonText } from "../core/json-text.ts";
import { findJsonFault } from "./json-fault.ts";

/** The object's text, values as they were written; null: the option was not given. Throws bad_request for a text without `=` or a value that is not JSON. */
export function stepValues(option: string, given: readonly string[]): JsonText | null {
  if (given.length === 0) return null;
  const values = new Map<string, string>();
  for (const one of given) {
    const at = one.indexOf("=");
    if (at < 1) {
      throw new ChironError("bad_request", `${option} ${one} does not say STEP=JSON`, {
        hint: `For example: ${option} 'fetch={"status": 200}'`,
      });
    }
    const name = one.slice(0, at);
    if (values.has(name)) throw new ChironError("bad_request", `${option} names ${name} twice`);
    values.set(name, checked(option, name, one.slice(at + 1)));
  }
  return `{${[...values].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}` as JsonText;
}

function checked(option: string, name: string, text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    const fault = findJsonFault(text);
    const where = fault ? `: line ${fault.line}, column ${fault.column}: expected ${fault.expected}` : "";
    throw new ChironError("bad_request", `the value of ${option} ${name} is not JSON${where}`, {
      hint: `A text is in quotes: ${option} '${name}="done"'`,
      cause: error,
    });
  }
}
