// The agent that answers when no backend is configured: it does nothing, and says so in every answer.
import { ChironError } from "../../core/errors.ts";
import { toJsonText, type JsonText } from "../../core/json-text.ts";
import { agentExecutionKey, agentThreadKey, clientMessageId } from "../../core/keys.ts";
import type { EffectContext, EffectHandler } from "../../ports/effects.ts";
import { isObject, readArguments, textOf, type Arguments } from "../arguments.ts";

/** Begins every answer, so that no stand-in is taken for an agent. */
const STAND_IN_MARK = "[local stand-in, no agent was asked]";

/** Harnesses of the reference (reference behaviour, section 8.1). */
const HARNESSES = ["codex", "amp", "claudecode", "nanocodex", "hermes", "pi", "omp"];
/** Of the prompt, in the answer. */
const QUOTED_LENGTH = 200;
const MAX_AGENTS = 32;
const MAX_CONCURRENCY = 16;
const MAX_NAME_BYTES = 128;
const RESERVED = ["thread_key", "message_id", "client_message_id", "idempotency_key", "execution_idempotency_key"];

interface Turn {
  readonly thread_key: string;
  readonly execution_id: string;
  readonly status: "completed";
  readonly output_lines: readonly string[];
  readonly result_text: string;
}

function turn(args: Arguments, context: EffectContext, ordinal: string, threadKey: string): Turn {
  const text = textOf(args, "text", "prompt");
  const content = args["content"] ?? args["parts"];
  if (text === null && content === undefined) throw new ChironError("bad_request", "agent_turn needs text or content");
  const harness = textOf(args, "harness_type", "harness") ?? context.harnessType ?? "codex";
  if (!HARNESSES.includes(harness)) {
    throw new ChironError("bad_request", `unknown harness ${harness}`, { hint: `Known: ${HARNESSES.join(", ")}.` });
  }
  const messageId = textOf(args, "message_id", "client_message_id") ?? clientMessageId(context.taskId, ordinal);
  const key = textOf(args, "idempotency_key", "execution_idempotency_key") ?? agentExecutionKey(messageId);
  const prompt = text ?? JSON.stringify(content);
  const shown = prompt.length > QUOTED_LENGTH ? `${prompt.slice(0, QUOTED_LENGTH)}…` : prompt;
  const answer = `${STAND_IN_MARK} A ${harness} agent would have been asked: ${shown}`;
  return {
    thread_key: threadKey,
    execution_id: `local:${key}`,
    status: "completed",
    output_lines: [answer],
    result_text: answer,
  };
}

function agentTurn(text: JsonText, context: EffectContext): JsonText {
  const args = readArguments(text);
  const thread = textOf(args, "thread_key") ?? agentThreadKey(context.taskId, context.workflowName);
  return toJsonText(turn(args, context, context.ordinal, thread));
}

/** Reference behaviour, section 8.2: a failed agent does not fail the call; a wrong call does, before anyone is asked. */
function runAgents(text: JsonText, context: EffectContext): JsonText {
  const args = readArguments(text);
  const agents = checkAgents(args["agents"]);
  const concurrency = args["max_concurrency"];
  if (concurrency !== undefined && concurrency !== null && !isCount(concurrency, MAX_CONCURRENCY)) {
    throw new ChironError("bad_request", `max_concurrency must be a whole number from 1 to ${MAX_CONCURRENCY}`);
  }
  const thread = agentThreadKey(context.taskId, context.workflowName).replace(/:agent:.*$/s, "");
  const results = agents.map((agent, index) => {
    const name = agent["name"] as string;
    try {
      const key = `${thread}:agent-batch:${context.ordinal}:${index}:${slug(name)}`;
      return { index, name, ok: true, result: turn(agent, context, `${context.ordinal}:${index}`, key) };
    } catch (error) {
      return { index, name, ok: false, error: error instanceof Error ? error.message : String(error) };
    }
  });
  const succeeded = results.filter((result) => result.ok).length;
  return toJsonText({ results, succeeded, failed: results.length - succeeded });
}

function isCount(value: unknown, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
}

function slug(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
}

function checkAgents(value: unknown): Arguments[] {
  if (!Array.isArray(value) || !isCount(value.length, MAX_AGENTS)) {
    throw new ChironError("bad_request", `run_agents takes 1 to ${MAX_AGENTS} agents`);
  }
  const names = new Set<string>();
  for (const agent of value as unknown[]) {
    if (!isObject(agent)) throw new ChironError("bad_request", "each agent must be an object");
    const name = textOf(agent, "name");
    if (name === null || new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
      throw new ChironError("bad_request", `each agent needs a name of 1 to ${MAX_NAME_BYTES} bytes`);
    }
    if (names.has(name)) throw new ChironError("bad_request", `two agents are called ${name}`);
    const reserved = RESERVED.find((field) => agent[field] !== undefined);
    if (reserved) throw new ChironError("bad_request", `agent ${name}: ${reserved} is reserved`);
    names.add(name);
  }
  return value as Arguments[];
}

/** The agents of a project that configures none. */
export function createLocalAgents(): EffectHandler {
  return {
    types: new Set(["ctx.agent_turn", "ctx.run_agents"]),
    describe: () => ({ nature: "stubbed", by: "local" }),
    call: async (type, args, context) =>
      type === "ctx.run_agents" ? runAgents(args, context) : agentTurn(args, context),
  };
}
