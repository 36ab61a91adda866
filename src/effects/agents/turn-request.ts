// From the arguments of ctx.agent_turn to a turn: aliases, limits, derived keys (reference behaviour, sections 2.2 and 8.1; decision D9).
// Every wrong argument is named here, before any backend is asked.
import { ChironError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { agentExecutionKey, agentThreadKey, clientMessageId } from "../../core/keys.ts";
import type { EffectContext } from "../../ports/effects.ts";
import type { Arguments } from "../arguments.ts";
import { isObject, textOf } from "../arguments.ts";
import type { AgentTurn } from "./backend.ts";
import { HARNESSES, type AgentSettings } from "./settings.ts";

const MAX_THREAD_KEY_BYTES = 512;
/** A day: a longer turn is a mistake in the unit. */
const LONGEST_MS = 86_400_000;

/** What a batch decides for its members. */
export interface BatchPlace {
  readonly threadKey: string;
  readonly ordinal: string;
  readonly name: string;
}

export type TurnDefaults = Pick<AgentSettings, "defaultHarness" | "idleTimeoutMs" | "maxDurationMs">;

/** Throws ChironError bad_request that names the argument. */
export function readTurn(
  args: Arguments,
  context: EffectContext,
  defaults: TurnDefaults,
  batch?: BatchPlace,
): AgentTurn {
  const { taskId, workflowName } = context;
  const ordinal = batch?.ordinal ?? context.ordinal;
  const asked = textOf(args, "thread_key");
  const owned = agentThreadKey(taskId, workflowName);
  const threadKey = batch?.threadKey ?? (asked === null ? owned : checkThreadKey(asked));
  const ownedThread = batch !== undefined || threadKey === owned;
  const messageId = textOf(args, "message_id", "client_message_id") ?? clientMessageId(taskId, ordinal);
  return {
    threadKey,
    ownedThread,
    harness: harnessOf(args, context, defaults),
    ...question(args),
    messageId,
    executionKey: textOf(args, "idempotency_key", "execution_idempotency_key") ?? agentExecutionKey(messageId),
    idleTimeoutMs: milliseconds(args, "idle_timeout_ms", defaults.idleTimeoutMs),
    maxDurationMs: milliseconds(args, "max_duration_ms", defaults.maxDurationMs),
    personaId: textOf(args, "persona_id", "persona"),
    principal: principalOf(args),
    model: textOf(args, "model"),
    provider: textOf(args, "provider"),
    reasoning: textOf(args, "reasoning", "reasoning_effort", "effort"),
    agentName: batch?.name ?? textOf(args, "name"),
    metadata: metadataOf(args, context, ordinal, ownedThread),
  };
}

/** The harness of a call, as far as it can be told before the call is checked. */
export function harnessOf(args: Arguments, context: EffectContext, defaults: TurnDefaults): string {
  const harness = textOf(args, "harness_type", "harness") ?? context.harnessType ?? defaults.defaultHarness;
  if (HARNESSES.includes(harness)) return harness;
  const meant = harness === "claude-code" ? ["claudecode"] : nearest(harness, [...HARNESSES], 1);
  const guess = meant[0] === undefined ? "" : ` Did you mean ${meant[0]}?`;
  throw new ChironError("bad_request", `unknown harness ${harness}`, {
    hint: `Known: ${HARNESSES.join(", ")}.${guess}`,
  });
}

function question(args: Arguments): Pick<AgentTurn, "prompt" | "content"> {
  const text = textOf(args, "text", "prompt");
  const given = args["content"] ?? args["parts"];
  if (text === null && (given === undefined || given === null)) {
    throw new ChironError("bad_request", "agent_turn needs text or content", {
      hint: 'Pass the question: ctx.agent_turn("…").',
    });
  }
  if (given === undefined || given === null) return { prompt: text!, content: null };
  const parts = Array.isArray(given) ? (given as unknown[]) : [given];
  if (parts.length === 0) throw new ChironError("bad_request", "agent_turn: content is empty");
  for (const part of parts) {
    if (typeof part === "string" || isObject(part)) continue;
    throw new ChironError("bad_request", "agent_turn: content must be a text, a part or a list of parts");
  }
  const content = parts.map((part) => (typeof part === "string" ? { type: "text", text: part } : part));
  const all = text === null ? content : [{ type: "text", text }, ...content];
  return { prompt: all.map(shown).join("\n"), content: all };
}

/** A part as text, for those who take nothing else. */
function shown(part: unknown): string {
  return isObject(part) && typeof part["text"] === "string" ? part["text"] : JSON.stringify(part);
}

function checkThreadKey(key: string): string {
  const refuse = (why: string): never => {
    throw new ChironError("bad_request", `thread_key ${JSON.stringify(key.slice(0, 80))} ${why}`, {
      hint: `A thread key has the form "namespace:id", at most ${MAX_THREAD_KEY_BYTES} bytes and no control characters; leave it out for a thread of the task's own.`,
    });
  };
  if (new TextEncoder().encode(key).length > MAX_THREAD_KEY_BYTES)
    refuse(`is longer than ${MAX_THREAD_KEY_BYTES} bytes`);
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(key)) refuse("holds a control character");
  if (/^\s*[{[]/.test(key)) refuse("looks like JSON");
  if (!/^[^:\s][^:]*:.+$/.test(key)) refuse("is not of the form namespace:id");
  return key;
}

function milliseconds(args: Arguments, name: string, fallback: number): number {
  const value = args[name];
  if (value === undefined || value === null) return fallback;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= LONGEST_MS) return value;
  throw new ChironError("bad_request", `${name} must be a whole number of milliseconds from 1 to ${LONGEST_MS}`);
}

function principalOf(args: Arguments): string | null {
  for (const name of ["principal", "principal_foreign_id"]) {
    const value = args[name];
    if (value === undefined || value === null) continue;
    if (typeof value === "string" && value.trim() !== "") return value;
    throw new ChironError("bad_request", `${name} must be a non-empty text`);
  }
  return null;
}

function metadataOf(
  args: Arguments,
  { taskId, runId, workflowName }: EffectContext,
  ordinal: string,
  ownedThread: boolean,
): Record<string, unknown> {
  const own = args["metadata"];
  if (own !== undefined && own !== null && !isObject(own)) {
    throw new ChironError("bad_request", "metadata must be an object");
  }
  const passed = ["delivery", "engine"].filter((name) => args[name] !== undefined && args[name] !== null);
  return {
    ...own,
    ...Object.fromEntries(passed.map((name) => [name, args[name]])),
    source: "absurd_workflow",
    workflow_name: workflowName,
    workflow_task_id: taskId,
    workflow_run_id: runId,
    workflow_agent_request_id: ordinal,
    workflow_owned_thread: ownedThread,
  };
}
