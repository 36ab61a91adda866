// Turns anything thrown into the reference's error envelope. What was not raised on purpose is a 500 with a fixed text; its message
// goes to the bus and nowhere else.
import type { Bus } from "../core/bus.ts";
import { ChironError, errorInfo, messageOf } from "../core/errors.ts";
import { json } from "./responses.ts";

/** A body the API does not read. Only HTTP knows this fault, so it is not among the codes of core/errors.ts. */
export class UnsupportedBody extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

const INTERNAL = "internal server error";

/** `{"ok":false,"error":…}` with the additive fields `code` and `hint`. */
export function envelope(
  status: number,
  code: string,
  message: string,
  hint?: string,
  headers?: Readonly<Record<string, string>>,
): Response {
  const body = { ok: false, error: message, code, ...(hint === undefined ? {} : { hint }) };
  return json(JSON.stringify(body), status, headers);
}

/** The answer to a request that ended with this error. */
export function errorResponse(error: unknown, bus: Bus): Response {
  if (error instanceof UnsupportedBody) {
    return envelope(415, "unsupported_media_type", error.message, error.hint, { connection: "close" });
  }
  if (error instanceof ChironError && errorInfo(error.code).status !== 500) {
    const { status } = errorInfo(error.code);
    return envelope(status, error.code, error.message, error.hint, HEADERS[status]);
  }
  bus.publish({ type: "service.error", service: "http", message: describe(error) });
  return envelope(500, "internal", INTERNAL);
}

const HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { "www-authenticate": "Bearer" },
  // The rest of a body that is too large is not worth reading: the connection ends with the answer.
  413: { connection: "close" },
  503: { "retry-after": "1" },
};

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
}
