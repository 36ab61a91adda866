// The tool API proxy (reference behaviour, section 8.3): POST {base}/tools/{tool}/{method} with the arguments. Whatever it answers that is no
// answer becomes an error that names the tool and shows what came.
import { ChironError, messageOf } from "../../core/errors.ts";
import type { JsonText } from "../../core/json-text.ts";
import type { Clock } from "../../ports/clock.ts";
import { jsonAnswer, shownAnswer, type ToolCall } from "./tool-call.ts";

export interface ToolApi {
  readonly url: string;
  readonly clock: Clock;
  /** Of one request. */
  readonly timeoutMs: number;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** A proxy that asks for patience is asked again, up to this often … */
const MAX_TRIES = 4;
/** … as long as one wait is not longer than this. */
const MAX_WAIT_MS = 60_000;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs: number | null;
}

/** The tool's answer. `key` is the same whenever the same call is made again. Throws ChironError. */
export async function askToolApi(api: ToolApi, call: ToolCall, key: string, signal: AbortSignal): Promise<JsonText> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await post(api, call, key, signal);
    if (answer.status >= 200 && answer.status < 300) return jsonAnswer(answer.text, call.what, "the tool API");
    const { retryAfterMs } = answer;
    const isPatient = (answer.status === 429 || answer.status === 503) && retryAfterMs !== null;
    if (!isPatient || attempt === MAX_TRIES || retryAfterMs > MAX_WAIT_MS) throw refused(call, answer, attempt);
    await api.clock.sleep(retryAfterMs, signal);
    if (signal.aborted) throw refused(call, answer, attempt);
  }
}

function refused({ what }: ToolCall, { status, text, retryAfterMs }: Answer, tries: number): ChironError {
  const often = tries > 1 ? ` (asked ${tries} times)` : "";
  const wait = retryAfterMs === null ? "" : `; it asks for ${Math.ceil(retryAfterMs / 1_000)} s of patience`;
  return new ChironError("upstream", `${what}: the tool API answered ${status}${often}${wait}: ${shownAnswer(text)}`, {
    details: { status },
  });
}

async function post(api: ToolApi, call: ToolCall, key: string, signal: AbortSignal): Promise<Answer> {
  const path = `tools/${encodeURIComponent(call.tool)}/${encodeURIComponent(call.method)}`;
  const late = AbortSignal.timeout(api.timeoutMs);
  try {
    const response = await fetch(`${api.url.replace(/\/+$/, "")}/${path}`, {
      method: "POST",
      body: call.args,
      headers: { "content-type": "application/json", accept: "application/json", "idempotency-key": key },
      signal: AbortSignal.any([signal, late]),
    });
    const text = await limitedText(response, call.what);
    return { status: response.status, text, retryAfterMs: retryAfter(response.headers.get("retry-after"), api.clock) };
  } catch (error) {
    if (error instanceof ChironError) throw error;
    const why = late.aborted ? `nothing within ${api.timeoutMs / 1_000} s` : reasonOf(error);
    throw new ChironError("upstream", `${call.what}: the tool API at ${api.url} did not answer: ${why}`, {
      cause: error,
    });
  }
}

/** fetch hides why it failed behind one sentence. */
function reasonOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? messageOf(error.cause) : messageOf(error);
}

async function limitedText(response: Response, what: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.byteLength;
    if (size > MAX_ANSWER_BYTES) {
      throw new ChironError("upstream", `${what}: the tool API answered with more than ${MAX_ANSWER_BYTES} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Seconds or a date, as the header has it; null: it does not say. */
function retryAfter(header: string | null, clock: Clock): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - clock.now());
}
