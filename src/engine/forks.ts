// A new task that goes on from a place in another one's record. What it is given is checked before anything is written; the other task is
// left as it is, whatever its state.
import { ChironError } from "../core/errors.ts";
import { writeForkRef, type ForkEffects } from "../core/fork-ref.ts";
import type { JsonText } from "../core/json-text.ts";
import type { Fork, Task } from "../ports/store-types.ts";
import { announceTask, newTaskOf, type IntakeDeps } from "./intake.ts";
import type { ForkedTask } from "./contract.ts";

export interface ForkRequest {
  readonly source: Task;
  /** Checkpoints with a smaller seq are taken over. */
  readonly before: number;
  /** Names of taken checkpoints, and their other values. */
  readonly edits: ReadonlyMap<string, JsonText>;
  /** How many there are before that. */
  readonly kept: number;
  readonly effects: ForkEffects;
  readonly input?: JsonText;
  readonly maxAttempts?: number;
}

/** Throws what createRun throws, and not_found when the source has gone. */
export async function forkTask(deps: IntakeDeps, request: ForkRequest): Promise<ForkedTask> {
  const { source, before, edits, kept, effects, input, maxAttempts } = request;
  const { taskId, workflowName, harnessType } = source;
  const made = newTaskOf(deps, {
    workflowName,
    input: input ?? source.input,
    maxAttempts: maxAttempts ?? source.maxAttempts,
    cause: { kind: "fork", ref: writeForkRef({ taskId, effects, kept, edited: [...edits.keys()] }) },
    ...(harnessType === null ? {} : { harnessType }),
  });
  // The source's own queue, should its name be routed elsewhere since: a store keeps a queue's checkpoints together.
  const task = { ...made, queue: source.queue };
  const fork: Fork = { source: taskId, before, task, edits: [...edits].map(([name, value]) => ({ name, value })) };
  const answering = deps.store.tasks.fork([fork]);
  deps.poke();
  const answer = (await answering)[0]!;
  if (!answer.ok) throw new ChironError("not_found", `workflow run not found: ${taskId}`);
  announceTask(deps, task, { taskId: answer.taskId, runId: answer.runId, attempt: 1, created: true });
  deps.committed();
  return answer;
}
