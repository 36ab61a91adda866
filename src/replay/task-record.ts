// What a store holds of one task, as a replay needs it. Read once; a task that runs meanwhile is replayed as it was then.
import type { Store } from "../ports/store.ts";
import type { Checkpoint, Failure, Run, Task, Wait } from "../ports/store-types.ts";

export interface TaskRecord {
  readonly task: Task;
  /** The newest attempt. */
  readonly run: Run;
  /** In recorded order. */
  readonly checkpoints: readonly Checkpoint[];
  /** What a sleeping run waits for. */
  readonly waits: readonly Wait[];
  /** How its attempts failed. */
  readonly failures: readonly Failure[];
}

/** The task's history, whichever of its ids is given; null: there is none. */
export async function readTaskRecord(reads: Store["reads"], id: string): Promise<TaskRecord | null> {
  const found = await reads.find(id);
  return found && recordOf(reads, found);
}

/** The history of a task that was found already. */
export async function recordOf(
  reads: Store["reads"],
  { task, run }: { readonly task: Task; readonly run: Run },
): Promise<TaskRecord> {
  const { taskId, state, attempts } = task;
  const [checkpoints, waits, runs] = await Promise.all([
    reads.checkpoints(taskId),
    state === "sleeping" ? reads.waits(taskId) : [],
    attempts > 1 ? reads.runs(taskId) : [run],
  ]);
  const failures = runs.flatMap((one) => one.failure ?? []);
  return { task, run: runs.at(-1) ?? run, checkpoints, waits, failures };
}
