// HTTP to an agent service: waits out a rate limit, an overload or a moment without a connection, and names what it was in the end.
// Only for requests that may be repeated.
import { ChironError, messageOf } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";

export interface PatientRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Begins every error: `session API, thread wf:…`. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** How long the service may take to begin its answer; null: as long as the signal lets it. */
  readonly answerMs?: number | null;
  /** What a refusal means here, by status. */
  readonly hints?: Readonly<Record<number, string>>;
}

const TRIES = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;
/** From the request to the head of its answer. */
const ANSWER_MS = 60_000;
/** Of a refusal, in the error. */
const SHOWN_LENGTH = 500;
const BODY_LIMIT = 1_048_576;
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** An answer with a status of the 200s, its body unread. Throws ChironError upstream or unavailable; the signal's reason when it aborts. */
export async function request(asked: PatientRequest, clock: Clock): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await once(asked, clock);
    if (outcome.ok) return outcome.response;
    asked.signal.throwIfAborted();
    if (!outcome.passing || attempt === TRIES) throw outcome.error;
    const pause = outcome.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** (attempt - 1);
    await clock.sleep(Math.min(pause, LONGEST_PAUSE_MS), asked.signal);
    asked.signal.throwIfAborted();
  }
}

/** Whether the service may answer the same request later. */
export function isPassing(error: ChironError): boolean {
  return error.code === "unavailable" || PASSING.has(Number(error.details["status"]));
}

/** The answer's body as a JSON object. */
export async function requestObject(asked: PatientRequest, clock: Clock): Promise<Record<string, unknown>> {
  const response = await request(asked, clock);
  const text = await bodyText(response);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Named below.
  }
  throw new ChironError("upstream", `${asked.what}: the answer is not a JSON object: ${text.slice(0, SHOWN_LENGTH)}`, {
    hint: `Is ${new URL(asked.url).origin} really the service that was meant?`,
  });
}

/** At most 1 MiB of it; the rest is not read. */
export async function bodyText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  if (!response.body) return text;
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > BODY_LIMIT) break;
  }
  return text;
}

type Outcome =
  | { readonly ok: true; readonly response: Response }
  | {
      readonly ok: false;
      readonly passing: boolean;
      readonly error: ChironError;
      readonly retryAfterMs: number | null;
    };

async function once(
  { method, url, headers, body, what, signal, answerMs = ANSWER_MS, hints }: PatientRequest,
  clock: Clock,
): Promise<Outcome> {
  const silent = new AbortController();
  const answered = new AbortController();
  if (answerMs !== null) {
    void clock.sleep(answerMs, answered.signal).then(() => {
      if (!answered.signal.aborted) silent.abort(new Error(`no answer within ${answerMs / 1_000} s`));
    });
  }
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, silent.signal]),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    const message = `${what}: ${new URL(url).origin} did not answer: ${messageOf(error)}${cause}`;
    const failure = new ChironError("unavailable", message, {
      hint: "Is it running, and is its address right?",
      cause: error,
    });
    return { ok: false, passing: true, error: failure, retryAfterMs: null };
  } finally {
    answered.abort();
  }
  if (response.ok) return { ok: true, response };
  const said = (await bodyText(response).catch(() => "")).slice(0, SHOWN_LENGTH);
  const hint = hints?.[response.status];
  const error = new ChironError("upstream", `${what}: answered ${response.status}${said ? `: ${said}` : ""}`, {
    ...(hint ? { hint } : {}),
    details: { status: response.status },
  });
  return { ok: false, passing: PASSING.has(response.status), error, retryAfterMs: retryAfter(response, clock.now()) };
}

/** Seconds or a date. */
function retryAfter(response: Response, now: number): number | null {
  const text = response.headers.get("retry-after")?.trim();
  if (!text) return null;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
