// The backend `openai`: one question to any service with an OpenAI-compatible chat endpoint. There is no execution to find again: after a
// restart, or a stream that breaks, the question is asked once more, with the same Idempotency-Key.
import { ChironError, messageOf } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AgentAnswer, AgentBackend, AgentTurn, TurnWatch } from "./backend.ts";
import { isObject } from "../arguments.ts";
import { Output } from "./output.ts";
import { bodyText, request } from "./patient-request.ts";
import { readEvents } from "./server-sent-events.ts";
import type { OpenAiSettings } from "./settings.ts";
import { startTimeLimits, type TimeLimits } from "./time-limits.ts";

/** Times a question is asked whose answer breaks off. */
const TRIES = 3;
const SHOWN_LENGTH = 500;

interface Chat {
  readonly settings: OpenAiSettings;
  readonly turn: AgentTurn;
  readonly clock: Clock;
  readonly what: string;
  readonly model: string;
  readonly output: Output;
  readonly limits: TimeLimits;
  readonly maxBytes: number;
}

/** What has come of an answer. */
interface Told {
  id: string | null;
  text: string;
  finished: string | null;
}

/** A backend that asks `settings.baseUrl`/chat/completions. */
export function createOpenAiAgent(settings: OpenAiSettings, maxOutputBytes: number, clock: Clock): AgentBackend {
  const { model, baseUrl } = settings;
  return {
    nature: "real",
    by: `openai ${model === undefined ? "" : `${model} `}at ${baseUrl}`,
    turn: (turn, watch) => runTurn(settings, maxOutputBytes, clock, turn, watch),
  };
}

async function runTurn(
  settings: OpenAiSettings,
  maxBytes: number,
  clock: Clock,
  turn: AgentTurn,
  { signal, line }: TurnWatch,
): Promise<AgentAnswer> {
  const what = `agent ${turn.harness} (openai at ${settings.baseUrl}) on thread ${turn.threadKey}, execution ${turn.executionKey}`;
  const model = turn.model ?? settings.model;
  if (model === undefined) {
    throw new ChironError("unavailable", `${what}: no model is named`, {
      hint: "Pass model=… to the call, or set model of the backend in chiron.toml.",
    });
  }
  if (settings.keyVariable !== undefined && settings.key === undefined) {
    throw new ChironError("unavailable", `${what}: ${settings.keyVariable} is not set`, {
      hint: `Put the key into the environment variable ${settings.keyVariable}, or leave key_env out for a service without keys.`,
    });
  }
  const limits = startTimeLimits(clock, turn, signal, what);
  const output = new Output(maxBytes, line);
  try {
    const told = await ask({ settings, turn, clock, what, model, output, limits, maxBytes });
    const lines = output.finish();
    return { executionId: `openai:${told.id ?? turn.executionKey}`, outputLines: lines, resultText: told.text.trim() };
  } catch (error) {
    if (error instanceof ChironError && error.details["fault"] === "output_too_large") {
      throw new ChironError("upstream", `${what}: ${error.message}`, {
        hint: error.hint ?? "",
        details: error.details,
      });
    }
    throw error;
  } finally {
    limits.stop();
  }
}

async function ask(chat: Chat): Promise<Told> {
  const { limits, what, output } = chat;
  for (let attempt = 1; ; attempt += 1) {
    const told: Told = { id: null, text: "", finished: null };
    let broken = "the stream ended before the answer did";
    try {
      await once(chat, told);
      if (told.finished !== null) return checked(told, what);
    } catch (error) {
      limits.signal.throwIfAborted();
      if (error instanceof ChironError) throw error;
      broken = messageOf(error);
    }
    if (attempt === TRIES) {
      throw new ChironError("upstream", `${what}: the answer broke off ${TRIES} times: ${broken}`, {
        hint: "Is there a proxy with a short time limit between here and the service?",
      });
    }
    output.restart();
  }
}

async function once(chat: Chat, told: Told): Promise<void> {
  const { settings, turn, what, limits, clock, model, output } = chat;
  const system = settings.system === undefined ? [] : [{ role: "system", content: settings.system }];
  const response = await request(
    {
      method: "POST",
      url: `${settings.baseUrl.replace(/\/+$/, "")}/chat/completions`,
      headers: {
        accept: "text/event-stream, application/json",
        "idempotency-key": turn.executionKey,
        ...(settings.key === undefined ? {} : { authorization: `Bearer ${settings.key}` }),
      },
      body: {
        model,
        stream: true,
        messages: [...system, { role: "user", content: turn.content ?? turn.prompt }],
        ...(turn.reasoning === null ? {} : { reasoning_effort: turn.reasoning }),
      },
      what,
      signal: limits.signal,
      // A model that has to be loaded first takes its time; the turn's own limits hold.
      answerMs: null,
      hints: hintsOf(settings, model),
    },
    clock,
  );
  const type = response.headers.get("content-type") ?? "";
  if (!type.includes("event-stream")) return whole(await bodyText(response), told, chat);
  for await (const event of readEvents(response.body!, { limitBytes: chat.maxBytes, heard: limits.touch })) {
    if (event.data === "[DONE]") {
      told.finished ??= "stop";
      return;
    }
    take(parsed(event.data, what), told, what, output);
  }
}

/** A service that does not stream answers in one piece. */
function whole(text: string, told: Told, { what, output }: Chat): void {
  take(parsed(text, what), told, what, output);
  if (told.finished === null && told.text === "") {
    throw new ChironError("upstream", `${what}: the answer holds no message: ${text.slice(0, SHOWN_LENGTH)}`);
  }
  told.finished ??= "stop";
}

function parsed(text: string, what: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Named below.
  }
  throw new ChironError("upstream", `${what}: the answer is not JSON: ${text.slice(0, SHOWN_LENGTH)}`, {
    hint: "base_url has to end where /chat/completions begins, often in /v1.",
  });
}

function take(value: Readonly<Record<string, unknown>>, told: Told, what: string, output: Output): void {
  const { error, id, choices } = value;
  if (error !== undefined && error !== null) {
    const said = isObject(error) && typeof error["message"] === "string" ? error["message"] : JSON.stringify(error);
    throw new ChironError("upstream", `${what}: ${said}`, { details: { fault: "failed" } });
  }
  if (typeof id === "string") told.id = id;
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (!isObject(choice)) return;
  const part = isObject(choice["delta"]) ? choice["delta"] : choice["message"];
  const text = isObject(part) && typeof part["content"] === "string" ? part["content"] : "";
  if (text !== "") {
    told.text += text;
    output.text(text);
  }
  if (typeof choice["finish_reason"] === "string") told.finished = choice["finish_reason"];
}

function checked(told: Told, what: string): Told {
  if (told.text !== "" || told.finished === "stop") return told;
  throw new ChironError("upstream", `${what}: the service answered nothing (finish_reason ${told.finished})`, {
    details: { fault: "failed" },
  });
}

function hintsOf({ baseUrl, keyVariable }: OpenAiSettings, model: string): Record<number, string> {
  const key = keyVariable === undefined ? "Name the key's variable in key_env." : `Is the key in ${keyVariable} right?`;
  return {
    401: key,
    403: key,
    404: `Is there a model ${model}, and does base_url (${baseUrl}) end where /chat/completions begins?`,
    429: "The service's rate limit: ask fewer agents at a time (max_concurrency, agents.max_turns).",
  };
}
