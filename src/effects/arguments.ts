// Reads the arguments of ctx calls, with errors a handler's author understands.
import { ChironError } from "../core/errors.ts";
import { parseJson, type JsonText } from "../core/json-text.ts";

export type Arguments = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Arguments {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function readArguments(args: JsonText): Arguments {
  const value = parseJson(args);
  if (isObject(value)) return value;
  throw new ChironError("bad_request", "the arguments of a ctx call must be an object");
}

/** The first of these members that is a non-empty text. */
export function textOf(args: Arguments, ...names: readonly string[]): string | null {
  for (const name of names) {
    const value = args[name];
    if (typeof value === "string" && value.trim() !== "") return value;
  }
  return null;
}

export function requireText(args: Arguments, call: string, name: string): string {
  const value = textOf(args, name);
  if (value === null) throw new ChironError("bad_request", `${call} needs a non-empty ${name}`);
  return value;
}
