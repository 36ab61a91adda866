// What makes two calls the same one in the eyes of a recording: kind and arguments, without the names of the run that makes it, without
// keys that differ from run to run, and without secrets.
import { createHash } from "node:crypto";
import { parseJson, type JsonText } from "../../core/json-text.ts";
import type { Mask } from "../../core/redaction.ts";
import type { EffectContext } from "../../ports/effects.ts";
import { isObject } from "../arguments.ts";

export interface RecordedRequest {
  readonly key: string;
  /** The arguments as they are compared: members in order, masked. */
  readonly text: JsonText;
  /** `tool github.search`, for messages. */
  readonly what: string;
}

/** Of an agent's turn: derived names, and settings that change nothing about the answer. */
const AGENT_NAMES: ReadonlySet<string> = new Set([
  "thread_key",
  "message_id",
  "client_message_id",
  "idempotency_key",
  "execution_idempotency_key",
  "idle_timeout_ms",
  "max_duration_ms",
  "max_concurrency",
  "metadata",
  "delivery",
]);

export function recordedRequest(
  type: string,
  args: JsonText,
  { taskId, runId }: Pick<EffectContext, "taskId" | "runId">,
  mask: Mask,
): RecordedRequest {
  const ignored = type === "ctx.agent_turn" || type === "ctx.run_agents" ? AGENT_NAMES : NOTHING;
  const value = parseJson(args);
  const named = JSON.stringify(ordered(value, ignored)) ?? "null";
  const text = mask(named.replaceAll(taskId, "<task_id>").replaceAll(runId, "<run_id>")) as JsonText;
  const key = createHash("sha256").update(`${type} ${text}`).digest("hex").slice(0, 24);
  return { key, text, what: describe(type, value) };
}

const NOTHING: ReadonlySet<string> = new Set();

/** Members by name, at every depth. */
function ordered(value: unknown, ignored: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((one) => ordered(one, ignored));
  if (!isObject(value)) return value;
  const names = Object.keys(value).filter((name) => !ignored.has(name));
  return Object.fromEntries(names.toSorted().map((name) => [name, ordered(value[name], ignored)]));
}

function describe(type: string, args: unknown): string {
  if (type !== "ctx.call_tool" || !isObject(args)) return type;
  return `tool ${String(args["tool"])}.${String(args["method"])}`;
}
