// Reads a request's JSON body once, within its limits: bytes, UTF-8, nesting, syntax, and that it is an object. What the object must
// hold is the route's schema; the values themselves stay text (core/json-text.ts).
import { ChironError } from "../core/errors.ts";
import { jsonDepth } from "../core/json-text.ts";
import { UnsupportedBody } from "./errors.ts";

/** Largest body, in bytes: the input of a run is kept with it for ever. */
export const BODY_LIMIT = 16 * 1024 * 1024;
/** Deepest nesting: Python's json module gives up at about 1,000. */
export const DEPTH_LIMIT = 512;

const JSON_TYPE = /^(?:application|text)\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const decoder = new TextDecoder("utf-8", { fatal: true });

export interface JsonBody {
  readonly text: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** The body as text and as a parsed object; an empty one as an object without members where that is allowed. Throws ChironError bad_request or too_large, or UnsupportedBody. */
export async function readJsonBody(request: Request, mayBeEmpty = false): Promise<JsonBody> {
  checkType(request.headers);
  const text = decode(await readBytes(request));
  if (text.trim() === "" && mayBeEmpty) return { text: "{}", value: {} };
  if (text.trim() === "") throw new ChironError("bad_request", "the body is empty; it must be a JSON object");
  if (jsonDepth(text) > DEPTH_LIMIT) {
    throw new ChironError("bad_request", `the body is nested deeper than ${DEPTH_LIMIT} levels`);
  }
  const value = parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ChironError("bad_request", `the body must be a JSON object, not ${kindOf(value)}`);
  }
  return { text, value: value as Record<string, unknown> };
}

function checkType(headers: Headers): void {
  const encoding = headers.get("content-encoding");
  if (encoding && encoding.toLowerCase() !== "identity") {
    throw new UnsupportedBody(`content-encoding ${encoding} is not supported`, "Send the body uncompressed.");
  }
  const type = headers.get("content-type");
  if (!type || JSON_TYPE.test(type)) return;
  throw new UnsupportedBody(
    `content type ${type} is not JSON`,
    "Add the header content-type: application/json (curl -d sends a form's type unless told otherwise).",
  );
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const announced = request.headers.get("content-length");
  if (announced !== null && Number(announced) > BODY_LIMIT) throw tooLarge();
  try {
    // The HTTP parser ends a body at its announced length, so only one without needs counting.
    if (announced !== null) return new Uint8Array(await request.arrayBuffer());
    return await readCounted(request.body);
  } catch (error) {
    if (error instanceof ChironError) throw error;
    throw new ChironError("bad_request", "the body ended before it was complete", { cause: error });
  }
}

async function readCounted(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  if (!body) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(): ChironError {
  return new ChironError("too_large", `the body is larger than ${BODY_LIMIT} bytes`, {
    hint: "Put large data where the workflow can fetch it, and pass a reference.",
  });
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ChironError("bad_request", "the body is not valid UTF-8");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ChironError("bad_request", `the body is not valid JSON: ${(error as Error).message}`);
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
