// ctx.run_agents (reference behaviour, section 8.2): a wrong call is refused as a whole before anybody is asked; a failed agent does
// not fail the call. Results come in the order of the agents, however long each took.
import { ChironError, messageOf } from "../../core/errors.ts";
import { agentBatchThreadKey } from "../../core/keys.ts";
import type { EffectContext } from "../../ports/effects.ts";
import { isObject, textOf, type Arguments } from "../arguments.ts";
import type { AgentTurn } from "./backend.ts";
import { readTurn, type TurnDefaults } from "./turn-request.ts";

const MAX_AGENTS = 32;
const MAX_CONCURRENCY = 16;
const DEFAULT_CONCURRENCY = 4;
const MAX_NAME_BYTES = 128;
const RESERVED = ["thread_key", "message_id", "client_message_id", "idempotency_key", "execution_idempotency_key"];

export interface Batch {
  readonly members: readonly BatchMember[];
  readonly concurrency: number;
}

export interface BatchMember {
  readonly name: string;
  readonly args: Arguments;
  /** Throws ChironError bad_request: this agent's own failure. */
  readonly turn: () => AgentTurn;
}

type Outcome<T> =
  | { readonly index: number; readonly name: string; readonly ok: true; readonly result: T }
  | { readonly index: number; readonly name: string; readonly ok: false; readonly error: string };

/** Throws ChironError bad_request that names the agent. */
export function readBatch(args: Arguments, context: EffectContext, defaults: TurnDefaults): Batch {
  const agents = checkAgents(args["agents"]);
  const concurrency = args["max_concurrency"] ?? DEFAULT_CONCURRENCY;
  if (!isCount(concurrency, MAX_CONCURRENCY)) {
    throw new ChironError("bad_request", `max_concurrency must be a whole number from 1 to ${MAX_CONCURRENCY}`);
  }
  const members = agents.map((agent, index): BatchMember => {
    const name = textOf(agent, "name")!;
    const threadKey = agentBatchThreadKey(context.taskId, context.ordinal, index, name);
    const place = { threadKey, ordinal: `${context.ordinal}:${index}`, name };
    return { name, args: agent, turn: () => readTurn(agent, context, defaults, place) };
  });
  return { members, concurrency };
}

/** At most `concurrency` at a time. After an abort of the signal nobody else is asked and the call fails. */
export async function runBatch<T>(
  batch: Batch,
  signal: AbortSignal,
  run: (member: BatchMember) => Promise<T>,
): Promise<{ readonly results: readonly Outcome<T>[]; readonly succeeded: number; readonly failed: number }> {
  const results: Outcome<T>[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < batch.members.length; index = next++) {
      const member = batch.members[index]!;
      const { name } = member;
      try {
        signal.throwIfAborted();
        results[index] = { index, name, ok: true, result: await run(member) };
      } catch (error) {
        if (signal.aborted) throw error;
        results[index] = { index, name, ok: false, error: explained(error) };
      }
    }
  };
  const lanes = Math.min(batch.concurrency, batch.members.length);
  await Promise.all(Array.from({ length: lanes }, lane));
  const succeeded = results.filter((result) => result.ok).length;
  return { results, succeeded, failed: results.length - succeeded };
}

function explained(error: unknown): string {
  const hint = error instanceof ChironError && error.hint ? ` (${error.hint})` : "";
  return messageOf(error) + hint;
}

function isCount(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
}

function checkAgents(value: unknown): Arguments[] {
  if (!Array.isArray(value) || !isCount(value.length, MAX_AGENTS)) {
    const given = Array.isArray(value) ? `, not ${value.length}` : "";
    throw new ChironError("bad_request", `run_agents takes 1 to ${MAX_AGENTS} agents${given}`);
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
    if (reserved) {
      throw new ChironError("bad_request", `agent ${name}: ${reserved} is reserved`, {
        hint: "A batch gives each agent a thread and keys of its own; use agent_turn to choose them.",
      });
    }
    names.add(name);
  }
  return value as Arguments[];
}
