// What a workflow reaches outside: agents, tools, Slack. One port, so that a replay or a test can stand in for all of them.
import type { TaskId } from "../core/ids.ts";
import type { JsonText } from "../core/json-text.ts";
import type { LocalTool } from "./host.ts";

export interface EffectContext {
  readonly taskId: TaskId;
  readonly runId: string;
  readonly workflowName: string;
  /** Equal on every replay of the same call (decision D9). */
  readonly ordinal: string;
  readonly harnessType: string | null;
  /** Of ctx.call_tool: what the asking process's own code has under the tool's name. */
  readonly local?: LocalTool;
  /**
   * Aborts when the run is cancelled or its claim is lost; for an agent's turn also when the run is over. The reason tells who may still
   * want the answer: cancelled and ended: nobody, ever; shutdown and lease_lost: another process, by the same call; again: this one.
   */
  readonly signal: AbortSignal;
}

export interface Effects {
  /** Answers one ctx call (`ctx.agent_turn`, `ctx.call_tool`, …) with its value; throws ChironError or Error with a message for the handler. */
  call(type: string, args: JsonText, context: EffectContext): Promise<JsonText>;
  /** The call types this one answers. */
  readonly types: ReadonlySet<string>;
}

/** real: the service itself was asked. stubbed: a stand-in answered, nothing left this machine. recorded: an earlier real answer was given again. */
export type EffectNature = "real" | "stubbed" | "recorded";

/** Answers the calls of one kind: agents, tools or Slack. What is kept of a call is not its business. */
export interface EffectHandler {
  readonly types: ReadonlySet<string>;
  /** Who will answer this call, and how real that is; known before it begins. */
  describe(
    type: string,
    args: JsonText,
    context: EffectContext,
  ): { readonly nature: EffectNature; readonly by: string };
  /** `progress` takes what a long call has to say before its answer: an agent's output lines. */
  call(type: string, args: JsonText, context: EffectContext, progress: (line: string) => void): Promise<JsonText>;
}
