// What a workflow reaches outside: agents, tools, Slack. One port, so that a replay or a test can stand in for all of them.
import type { TaskId } from "../core/ids.ts";
import type { JsonText } from "../core/json-text.ts";

export interface EffectContext {
  readonly taskId: TaskId;
  readonly runId: string;
  readonly workflowName: string;
  /** Equal on every replay of the same call (decision D9). */
  readonly ordinal: string;
  readonly harnessType: string | null;
  readonly signal: AbortSignal;
}

export interface Effects {
  /** Answers one ctx call (`ctx.agent_turn`, `ctx.call_tool`, …) with its value; throws ChironError or Error with a message for the handler. */
  call(type: string, args: JsonText, context: EffectContext): Promise<JsonText>;
  /** The call types this one answers. */
  readonly types: ReadonlySet<string>;
}
