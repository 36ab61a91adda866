// The port behind agent turns: one way to have an agent do one turn. What a turn is asked for has been checked before; which backend
// serves which harness is registry.ts's business, and what happens to a turn that nobody waits for any more is live-turns.ts's.
import type { EffectNature } from "../../ports/effects.ts";

/** One turn as every backend gets it (reference behaviour, section 8.1). */
export interface AgentTurn {
  readonly threadKey: string;
  /** The thread's name was derived from the task: it is this task's own and ends with it. */
  readonly ownedThread: boolean;
  readonly harness: string;
  /** What the agent is asked, as text. */
  readonly prompt: string;
  /** The same as content parts, where the workflow gave parts. */
  readonly content: readonly unknown[] | null;
  readonly messageId: string;
  /** Equal on every replay of the call: a backend that can attaches to the execution it belongs to. */
  readonly executionKey: string;
  readonly idleTimeoutMs: number;
  readonly maxDurationMs: number;
  readonly personaId: string | null;
  readonly principal: string | null;
  readonly model: string | null;
  readonly provider: string | null;
  readonly reasoning: string | null;
  /** Its name in a batch, or the label of run_agent and start_agent. */
  readonly agentName: string | null;
  /** What goes along for the record: the workflow's own metadata and where the turn comes from. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface AgentAnswer {
  readonly executionId: string;
  readonly outputLines: readonly string[];
  readonly resultText: string;
}

/** Why a turn is stopped, as the reason of its signal. stopped: nobody will ever want the answer. left: somebody may ask again under the same key. */
export type StopReason = "stopped" | "left";

export interface TurnWatch {
  readonly signal: AbortSignal;
  /** Takes each output line as it comes. */
  readonly line: (text: string) => void;
}

export interface AgentBackend {
  readonly nature: EffectNature;
  /** Who answers, for a person: `command codex`, `openai gpt-5 at http://…`. */
  readonly by: string;
  /** Throws ChironError with a message that names thread and execution. After the signal's abort it ends soon, and leaves nothing running that it cannot find again. */
  turn(turn: AgentTurn, watch: TurnWatch): Promise<AgentAnswer>;
}

export function isStopped(signal: AbortSignal): boolean {
  return signal.aborted && (signal.reason as StopReason) === "stopped";
}
