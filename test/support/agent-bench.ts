// Agents as a project's chiron.toml configures them, asked without an engine around them.
import fs from "node:fs";
import path from "node:path";
import { parse as parseToml } from "smol-toml";
import { agentSettings, agentsSchema } from "../../src/config/agents.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import { createAgents, type Agents } from "../../src/effects/agents/agents.ts";
import { REAL_CLOCK } from "../../adapters/node/real-clock.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { EffectContext } from "../../src/ports/effects.ts";

export const TASK = "01900000-0000-7000-8000-000000000001";
export const TASK_HEX = TASK.replaceAll("-", "");

export interface Turn {
  readonly thread_key: string;
  readonly execution_id: string;
  readonly status: string;
  readonly output_lines: readonly string[];
  readonly result_text: string;
}

export interface Asking {
  readonly ordinal?: string;
  readonly signal?: AbortSignal;
  readonly line?: (text: string) => void;
  readonly harnessType?: string;
}

export interface AgentBench {
  readonly agents: Agents;
  readonly context: (asking?: Asking) => EffectContext;
  readonly turn: (args: object, asking?: Asking) => Promise<Turn>;
  // Batches are looked into by their tests.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly batch: (args: object, asking?: Asking) => Promise<any>;
}

/** A clock on which an hour is a few seconds. */
export const HASTY: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now() * 200,
  sleep: (ms, signal) => REAL_CLOCK.sleep(ms / 200, signal),
  soon: (work) => REAL_CLOCK.soon(work),
};

/** `toml` is the text of section [agents] and what is below it. */
export function openAgents(
  root: string,
  toml: string,
  env: Readonly<Record<string, string>> = {},
  clock?: Clock,
): AgentBench {
  const { agents: section = {} } = parseToml(toml) as { agents?: object };
  const settings = agentSettings(root, { PATH: process.env["PATH"], ...env }, agentsSchema.parse(section));
  const agents = createAgents(settings, clock ?? REAL_CLOCK);
  const context = (asking: Asking = {}): EffectContext => ({
    taskId: TASK as EffectContext["taskId"],
    runId: "01900000-0000-7000-8000-00000000000a",
    workflowName: "report",
    ordinal: asking.ordinal ?? "1",
    harnessType: asking.harnessType ?? null,
    signal: asking.signal ?? new AbortController().signal,
  });
  const call = async (type: string, args: object, asking: Asking = {}): Promise<unknown> => {
    const answer = await agents.call(type, toJsonText(args), context(asking), asking.line ?? (() => undefined));
    return JSON.parse(answer);
  };
  return {
    agents,
    context,
    turn: async (args, asking) => (await call("ctx.agent_turn", args, asking)) as Turn,
    batch: (args, asking) => call("ctx.run_agents", args, asking),
  };
}

/** The message of what `asking` is refused with, hint included. */
export async function refusal(asking: Promise<unknown>): Promise<string> {
  const error: unknown = await asking.then(
    () => new Error("it was answered"),
    (fault: unknown) => fault,
  );
  if (!(error instanceof Error)) return String(error);
  const hint = (error as { hint?: string }).hint;
  return hint ? `${error.message} (${hint})` : error.message;
}

/** A Node program that a test's command backend runs. */
export function writeProgram(root: string, name: string, text: string): string {
  const file = path.join(root, name);
  fs.writeFileSync(file, `#!${process.execPath}\n${text}`);
  fs.chmodSync(file, 0o755);
  return file;
}
