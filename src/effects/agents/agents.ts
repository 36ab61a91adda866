// ctx.agent_turn and ctx.run_agents: reads the call, asks the backend of its harness, answers in the reference's shape (reference
// behaviour, sections 8.1 and 8.2).
import { toJsonText, type JsonText } from "../../core/json-text.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EffectContext, EffectHandler, EffectNature } from "../../ports/effects.ts";
import { isObject, readArguments, type Arguments } from "../arguments.ts";
import type { AgentBackend, AgentTurn } from "./backend.ts";
import { readBatch, runBatch } from "./batch.ts";
import { LiveTurns } from "./live-turns.ts";
import { createBackends, type Backends } from "./registry.ts";
import { AGENT_CALLS, type AgentSettings } from "./settings.ts";
import { harnessOf, readTurn } from "./turn-request.ts";

export interface Agents extends EffectHandler {
  /** Leaves every turn that is under way; resolves when nothing of them is left on this machine. */
  close(): Promise<void>;
}

interface Turn {
  readonly thread_key: string;
  readonly execution_id: string;
  readonly status: "completed";
  readonly output_lines: readonly string[];
  readonly result_text: string;
}

type Progress = (line: string) => void;

/** The agents of a project. `clock` is the machine's time: they are outside. Throws ChironError config_invalid for a harness that names no backend. */
export function createAgents(settings: AgentSettings, clock: Clock): Agents {
  const backends = createBackends(settings, clock);
  const live = new LiveTurns(clock, settings.maxTurns);
  const ask = async (turn: AgentTurn, signal: AbortSignal, line: Progress): Promise<Turn> => {
    const backend = backends.of(turn.harness);
    const answer = await live.join(turn.executionKey, { signal, line }, (watch) => backend.turn(turn, watch));
    return {
      thread_key: turn.threadKey,
      execution_id: answer.executionId,
      status: "completed",
      output_lines: answer.outputLines,
      result_text: answer.resultText,
    };
  };
  const runAgents = async (args: Arguments, context: EffectContext, progress: Progress): Promise<JsonText> => {
    const batch = readBatch(args, context, settings);
    const answer = await runBatch(batch, context.signal, (member) =>
      ask(member.turn(), context.signal, (line) => progress(`${member.name}: ${line}`)),
    );
    return toJsonText(answer);
  };
  return {
    types: AGENT_CALLS,
    describe: (_type, args, context) => describe(args, context, settings, backends),
    async call(type, text, context, progress) {
      const args = readArguments(text);
      if (type === "ctx.run_agents") return runAgents(args, context, progress);
      return toJsonText(await ask(readTurn(args, context, settings), context.signal, progress));
    },
    close: () => live.close(),
  };
}

/** A wrong call has no harness to go by: it is answered by nobody, and so told as the project's own backend. */
function describe(
  text: JsonText,
  context: EffectContext,
  settings: AgentSettings,
  backends: Backends,
): { readonly nature: EffectNature; readonly by: string } {
  const args = readArguments(text);
  const members = Array.isArray(args["agents"]) ? args["agents"].filter(isObject) : [args];
  const asked = new Set<AgentBackend>();
  for (const member of members) asked.add(backends.of(harnessOrNone(member, context, settings)));
  const all = [...asked];
  const nature = all.some((backend) => backend.nature === "real") ? "real" : "stubbed";
  return { nature, by: all.map((backend) => backend.by).join(", ") };
}

function harnessOrNone(args: Arguments, context: EffectContext, settings: AgentSettings): string {
  try {
    return harnessOf(args, context, settings);
  } catch {
    return "";
  }
}
