// Every answer's headers: nothing of the API is cached, framed, sniffed, or readable by another origin. There are no CORS headers at all.

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

const JSON_HEADERS = { "content-type": "application/json", ...SECURITY_HEADERS };
// One object for all: the server takes plain headers as they are, and the hot path makes none.
const OK: ResponseInit = { status: 200, headers: JSON_HEADERS };

/** A JSON answer from a finished text. */
export function json(text: string, status = 200, headers?: Readonly<Record<string, string>>): Response {
  if (status === 200 && !headers) return new Response(text, OK);
  return new Response(text, { status, headers: { ...JSON_HEADERS, ...headers } });
}

/** An answer of another content type. */
export function answer(
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
  contentType: string,
  status = 200,
): Response {
  return new Response(body, { status, headers: { "content-type": contentType, ...SECURITY_HEADERS } });
}
