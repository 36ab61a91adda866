// What a delivery's run gets as its input, and what is kept of its headers (reference behaviour, section 6.5). No secret and no signature
// is in either.
import { toJsonText, type JsonText } from "../core/json-text.ts";

export const REDACTED = "[redacted]";

/** Whoever signs adds the headers of its own signature to these. */
const SECRET_HEADERS: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-api-key",
  "x-centaur-api-key",
  "x-hub-signature",
  "x-hub-signature-256",
  "x-slack-signature",
  "webhook-signature",
  "svix-signature",
  "stripe-signature",
  "x-gitlab-token",
]);

export interface Envelope {
  readonly slug: string;
  readonly provider: string | null;
  readonly method: string;
  readonly path: string;
  /** Already redacted. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[]>>;
  readonly body: JsonText;
  readonly rawBodySha256: string;
  readonly sourceIp: string | null;
}

/** The headers in lower case, with the values of secret ones replaced. */
export function redactHeaders(
  headers: Readonly<Record<string, string>>,
  secret: readonly string[],
): Record<string, string> {
  const hidden = new Set([...SECRET_HEADERS, ...secret.map((name) => name.toLowerCase())]);
  const kept = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(headers))
    kept[name.toLowerCase()] = hidden.has(name.toLowerCase()) ? REDACTED : value;
  return kept;
}

/** The query with repeated names as lists and the parameters that hold a secret replaced. */
export function queryOf(search: string, secret: readonly string[]): Record<string, string | string[]> {
  const query = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of new URLSearchParams(search)) {
    const kept = secret.includes(name) ? REDACTED : value;
    const before = query[name];
    if (before === undefined) query[name] = kept;
    else if (Array.isArray(before)) before.push(kept);
    else query[name] = [before, kept];
  }
  return query;
}

/** `{"webhook": {…}}`, with the body's own text inside. */
export function envelopeText(envelope: Envelope): JsonText {
  const { slug, provider, method, path, headers, query, body, rawBodySha256, sourceIp } = envelope;
  const head = toJsonText({ slug, provider, method, path, headers, query }).slice(0, -1);
  const tail = toJsonText({ raw_body_sha256: rawBodySha256, source_ip: sourceIp }).slice(1);
  return `{"webhook":${head},"body":${body},${tail}}` as JsonText;
}
