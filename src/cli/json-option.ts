// A JSON value from the command line: given as text, as a file, or on standard input. It is checked and then handed on as it was
// written; numbers above 2^53 and repeated keys arrive as they are.
import fs from "node:fs";
import { text as readAll } from "node:stream/consumers";
import { ChironError, messageOf } from "../core/errors.ts";
import type { JsonText } from "../core/json-text.ts";
import { findJsonFault } from "./json-fault.ts";

export interface JsonSource {
  /** The value of `--input`: JSON, or `@path`. */
  readonly inline: string | undefined;
  /** The value of `--input-file`: a path, or `-` for standard input. */
  readonly file: string | undefined;
  /** How the option is called in messages. */
  readonly option: string;
}

/** The text, or null when neither option was given. Throws bad_request with line and column. */
export async function readJsonOption(source: JsonSource): Promise<JsonText | null> {
  const { inline, file, option } = source;
  if (inline !== undefined && file !== undefined) {
    throw new ChironError("bad_request", `${option} and ${option}-file were both given`, { hint: "Give one of them." });
  }
  if (inline !== undefined && !inline.startsWith("@")) return checked(inline, option);
  const path = file ?? inline?.slice(1);
  if (path === undefined) return null;
  if (path === "-") return checked(await readAll(process.stdin), "standard input");
  return checked(readText(path), path);
}

function readText(path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(fs.readFileSync(path));
  } catch (error) {
    throw new ChironError("bad_request", `${path} cannot be read: ${messageOf(error)}`);
  }
}

function checked(text: string, where: string): JsonText {
  try {
    JSON.parse(text);
    return text as JsonText;
  } catch (error) {
    throw faultOf(text, where, error);
  }
}

function faultOf(text: string, where: string, cause: unknown): ChironError {
  const hint = where.startsWith("--") ? `Quote it for the shell, for example ${where} '{"name": "Ada"}'.` : undefined;
  const fault = findJsonFault(text);
  const extras = { cause, ...(hint ? { hint } : {}) };
  if (!fault) return new ChironError("bad_request", `${where} is not JSON: ${messageOf(cause)}`, extras);
  const found =
    fault.at >= text.length ? "the text ends" : `found ${JSON.stringify(text.slice(fault.at, fault.at + 12))}`;
  const { line, column, expected } = fault;
  return new ChironError(
    "bad_request",
    `${where} is not JSON: line ${line}, column ${column}: expected ${expected}, ${found}`,
    { ...extras, details: { line, column, position: fault.at } },
  );
}
