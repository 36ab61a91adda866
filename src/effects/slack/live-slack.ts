// Slack itself over HTTP: one bounded request a call, repeated only when Slack said to come later. Its token is in no error.
import { ChironError, messageOf } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EffectContext } from "../../ports/effects.ts";
import type { Slack, SlackAnswer } from "./slack-port.ts";
import { refusal } from "./slack-refusal.ts";

/** Reference behaviour, section 8.4. */
const TIMEOUT_MS = 15_000;
const ANSWER_LIMIT = 4 * 1024 * 1024;
/** Of a failed answer, in the error. */
const SHOWN = 300;
/** How often a call that Slack put off is made again, and for how long it may be put off in all. */
const RETRIES = 5;
const PATIENCE_MS = 60_000;
const DEFAULT_RETRY_AFTER_S = 1;
const UNSAFE_METHODS = new Set(["chat.postMessage", "chat.update"]);

export interface LiveSlackDeps {
  readonly apiUrl: string;
  readonly token: string;
  /** The machine's time, which is Slack's, also where the runtime's own has been moved. */
  readonly clock: Clock;
  readonly timeoutMs?: number;
  readonly patienceMs?: number;
}

/** Slack at an address. */
export function createLiveSlack(deps: LiveSlackDeps): Slack {
  const { patienceMs = PATIENCE_MS } = deps;
  return {
    nature: "real",
    by: new URL(deps.apiUrl).host,
    async call(method, body, context) {
      let waited = 0;
      for (let tries = 1; ; tries += 1) {
        const { later, answer } = await attempt(method, body, context, deps);
        if (later === null) return answer;
        waited += later;
        if (tries > RETRIES || waited > patienceMs) throw rateLimited(method, tries, later);
        await deps.clock.sleep(later, context.signal);
        if (context.signal.aborted) throw cancelled(method);
      }
    },
  };
}

/** `later`: Slack wants the call again after so many ms. */
type Attempt =
  | { readonly later: number; readonly answer: null }
  | { readonly later: null; readonly answer: SlackAnswer };

async function attempt(
  method: string,
  body: Readonly<Record<string, unknown>>,
  context: EffectContext,
  deps: LiveSlackDeps,
): Promise<Attempt> {
  const { response, text } = await exchange(method, body, context, deps);
  if (response.status === 429) return { later: retryAfterMs(response), answer: null };
  const answer = parsed(text);
  if (answer === null) throw notSlack(method, response, hidden(text, deps.token));
  if (answer["ok"] === true) return { later: null, answer };
  if (answer["error"] === "ratelimited" && response.headers.has("retry-after")) {
    return { later: retryAfterMs(response), answer: null };
  }
  throw refusal(method, body, answer, response.status);
}

async function exchange(
  method: string,
  body: Readonly<Record<string, unknown>>,
  { signal }: EffectContext,
  { apiUrl, token, timeoutMs = TIMEOUT_MS }: LiveSlackDeps,
): Promise<{ readonly response: Response; readonly text: string }> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(`${apiUrl}/${method}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify(body),
      // The token and the message are for this address only.
      redirect: "manual",
      signal: AbortSignal.any([signal, timeout]),
    });
    return { response, text: await bounded(response, method) };
  } catch (error) {
    if (error instanceof ChironError) throw error;
    if (signal.aborted) throw cancelled(method);
    const reason = timeout.aborted ? `no answer within ${timeoutMs / 1_000} s` : causeOf(error);
    const doubt = UNSAFE_METHODS.has(method)
      ? " Whether it took effect is not known; Slack tells a repeated message by its client_msg_id."
      : "";
    throw new ChironError("upstream", `Slack ${method}: ${hidden(reason, token)}`, {
      hint: `Check SLACK_API_URL (${apiUrl}) and the network.${doubt}`,
    });
  }
}

async function bounded(response: Response, method: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > ANSWER_LIMIT) {
      throw new ChironError("upstream", `Slack ${method}: the answer is larger than ${ANSWER_LIMIT} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** fetch says only "fetch failed"; what failed is its cause. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (cause === undefined) return messageOf(error);
  return [typeof code === "string" ? code : null, messageOf(cause)]
    .filter((part) => part !== null && part !== "")
    .join(": ");
}

function parsed(text: string): SlackAnswer | null {
  try {
    const value: unknown = JSON.parse(text);
    const isAnswer = typeof value === "object" && value !== null && typeof (value as SlackAnswer)["ok"] === "boolean";
    return isAnswer ? (value as SlackAnswer) : null;
  } catch {
    return null;
  }
}

function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get("retry-after") ?? DEFAULT_RETRY_AFTER_S);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.ceil(seconds * 1_000) : DEFAULT_RETRY_AFTER_S * 1_000;
}

function hidden(text: string, token: string): string {
  return text.replaceAll(token, "***");
}

function rateLimited(method: string, tries: number, later: number): ChironError {
  return new ChironError(
    "upstream",
    `Slack ${method}: rate limited ${tries} times; it wants the next try in ${later / 1_000} s`,
    {
      hint: "Post less often, or give the step a retry.",
    },
  );
}

function notSlack(method: string, { status, headers }: Response, text: string): ChironError {
  const type = headers.get("content-type") ?? "no content type";
  const shown = text.replace(/\s+/g, " ").trim().slice(0, SHOWN);
  return new ChironError(
    "upstream",
    `Slack ${method}: HTTP ${status} with an answer that is not Slack's (${type}): ${shown}`,
    {
      hint: status >= 500 ? "Slack, or a proxy before it, has a fault." : "Check SLACK_API_URL.",
    },
  );
}

function cancelled(method: string): ChironError {
  return new ChironError("upstream", `Slack ${method}: the run ended before Slack answered`);
}
