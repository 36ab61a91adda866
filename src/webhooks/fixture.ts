// A delivery as a file: JSON that a person can read and edit, and that gives back the bytes that were sent. Nothing in it is signed:
// whoever sends it signs it anew.
import { ChironError } from "../core/errors.ts";
import type { Fakes } from "./fakes.ts";
import { REDACTED } from "./envelope.ts";
import { mediaTypeOf } from "./body.ts";

export const FIXTURE_SUFFIX = ".delivery.json";

export interface Fixture {
  readonly slug: string | null;
  readonly method: string;
  /** Without the question mark. */
  readonly query: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Of the way, not of the delivery. */
const ON_THE_WAY =
  /^(?:host|connection|content-length|content-encoding|transfer-encoding|accept-encoding|expect|forwarded|via|x-forwarded-.*|x-real-ip|x-request-id|cf-.*|cdn-.*|traceparent|tracestate|x-amzn-.*|x-envoy-.*|cookie)$/;

/** What a file keeps of these headers: neither the way's own nor what signed. */
export function fixtureHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name, value]) => !ON_THE_WAY.test(name.toLowerCase()) && value !== REDACTED),
  );
}

/** The file's text. A body of JSON stands in it as JSON where it comes back as the same bytes. */
export function printFixture({ slug, method, query, headers, body }: Fixture): string {
  const value = { slug, method, ...(query === "" ? {} : { query }), headers, ...printBody(body) };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function printBody(body: Buffer): object {
  const text = body.toString("utf8");
  if (!Buffer.from(text).equals(body)) return { body_base64: body.toString("base64") };
  try {
    const value = JSON.parse(text) as unknown;
    if (JSON.stringify(value) === text) return { body: value };
  } catch {
    // No JSON: the text itself.
  }
  return { body_text: text };
}

/** Reads a file's text. Throws ChironError bad_request that names the file. */
export function parseFixture(text: string, file: string): Fixture {
  const wrong = (why: string): ChironError =>
    new ChironError("bad_request", `${file} is not a delivery: ${why}`, {
      hint: 'A delivery is {"slug", "method", "headers", "body"}, or with body_text or body_base64; "chiron hooks record" writes such files.',
    });
  const value = parse(text, wrong);
  const { slug = null, method = "POST", query = "", headers = {} } = value;
  if (slug !== null && typeof slug !== "string") throw wrong("slug is no text");
  if (typeof method !== "string" || typeof query !== "string") throw wrong("method and query must be texts");
  if (!isTexts(headers)) throw wrong("headers must be an object of texts");
  const lower = Object.fromEntries(Object.entries(headers).map(([name, one]) => [name.toLowerCase(), one]));
  return {
    slug,
    method: method.toUpperCase(),
    query: query.replace(/^\?/, ""),
    headers: lower,
    body: readBody(value, wrong),
  };
}

function parse(text: string, wrong: (why: string) => ChironError): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong("it is no JSON object");
}

function isTexts(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && Object.values(value).every((one) => typeof one === "string");
}

function readBody(value: Record<string, unknown>, wrong: (why: string) => ChironError): Buffer {
  const given = ["body", "body_text", "body_base64"].filter((name) => value[name] !== undefined);
  if (given.length > 1) throw wrong(`${given.join(" and ")} are both there`);
  const { body, body_text: text, body_base64: base64 } = value;
  if (text !== undefined && typeof text !== "string") throw wrong("body_text is no text");
  if (base64 !== undefined && typeof base64 !== "string") throw wrong("body_base64 is no text");
  if (text !== undefined) return Buffer.from(text);
  if (base64 !== undefined) return Buffer.from(base64, "base64");
  return body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body));
}

/** The same delivery with stand-ins for secrets and personal data. */
export function disguise(fixture: Fixture, fakes: Fakes): Fixture {
  const { headers, query, body } = fixture;
  const text = body.toString("utf8");
  const isText = Buffer.from(text).equals(body);
  const type = mediaTypeOf(headers["content-type"]);
  return {
    ...fixture,
    // The body first: names that it tells stand in headers too.
    body: isText ? Buffer.from(fakes.body(text, type)) : body,
    query: query === "" ? "" : fakes.body(query, "application/x-www-form-urlencoded"),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fakes.value(name, value)])),
  };
}
