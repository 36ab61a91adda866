// A delivery's body as the value that the handler sees (reference behaviour, section 6.5). Numbers and texts go through as they were
// written; what Python and JavaScript would read differently is refused.
import { jsonDepth, toJsonText, type JsonText } from "../core/json-text.ts";

/** Deepest nesting, and the most members and elements of all levels together. */
export const MAX_DEPTH = 64;
export const MAX_VALUES = 100_000;

export type BodyRead =
  | { readonly ok: true; readonly text: JsonText; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** The media type alone, in lower case; "" when the header is absent. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? "").split(";")[0]!.trim().toLowerCase();
}

/** Reads by content type: JSON (also when there is none), a form (its `payload` field as JSON), else text. */
export function readBody(bytes: Buffer, contentType: string | undefined): BodyRead {
  if (bytes.length === 0) return { ok: true, text: "{}" as JsonText, value: {} };
  const type = mediaTypeOf(contentType);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { ok: false, message: "the body is not valid UTF-8" };
  }
  if (type === "" || type === "application/json" || type.endsWith("+json")) return readJson(text);
  if (type === "application/x-www-form-urlencoded") return readForm(text);
  return { ok: true, text: toJsonText(text), value: text };
}

function readForm(text: string): BodyRead {
  const form = new URLSearchParams(text);
  const payload = form.get("payload");
  if (payload !== null) return readJson(payload);
  // Without a prototype, so that a field called __proto__ is a field.
  const value = Object.create(null) as Record<string, string | string[]>;
  let fields = 0;
  for (const [name, one] of form) {
    fields += 1;
    if (fields > MAX_VALUES) return { ok: false, message: `the form has more than ${MAX_VALUES} fields` };
    const before = value[name];
    if (before === undefined) value[name] = one;
    else if (Array.isArray(before)) before.push(one);
    else value[name] = [before, one];
  }
  return { ok: true, text: toJsonText(value), value };
}

function readJson(text: string): BodyRead {
  const invalid = (why: string): BodyRead => ({ ok: false, message: `invalid JSON webhook body: ${why}` });
  if (jsonDepth(text) > MAX_DEPTH) return invalid(`nested deeper than ${MAX_DEPTH} levels`);
  if (countValues(text) > MAX_VALUES) return invalid(`more than ${MAX_VALUES} values`);
  try {
    return { ok: true, text: text.trim() as JsonText, value: JSON.parse(text) as unknown };
  } catch (error) {
    return invalid((error as Error).message);
  }
}

/** Commas and colons outside of texts: at most the number of members and elements, found without building them. */
function countValues(text: string): number {
  let count = 0;
  let inText = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (inText) {
      if (code === 92) at += 1;
      else if (code === 34) inText = false;
    } else if (code === 34) inText = true;
    else if (code === 44) count += 1;
  }
  return count;
}
