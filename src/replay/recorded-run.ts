// What a comparison needs of one attempt of a task: what was on record at its end, and the code it ran on.
import type { Store } from "../ports/store.ts";
import type { StoredGeneration } from "../ports/store-code.ts";
import type { Checkpoint, Run, Task } from "../ports/store-types.ts";

export interface RecordedRun {
  readonly task: Task;
  /** The attempt it is seen through. */
  readonly run: Run;
  /** Up to that attempt, in recorded order. */
  readonly checkpoints: readonly Checkpoint[];
  /** The code that last ran the attempt; null: nobody said, or it is not kept. */
  readonly generation: StoredGeneration | null;
}

/** By the id of a task (its newest attempt), or of one of its runs. Null: there is none. */
export async function readRecordedRun(store: Pick<Store, "reads" | "code">, id: string): Promise<RecordedRun | null> {
  const found = await store.reads.find(id);
  if (!found) return null;
  const { task, run } = found;
  const [all, generation] = await Promise.all([
    store.reads.checkpoints(task.taskId),
    run.generation === null ? null : store.code.get(run.generation),
  ]);
  return { task, run, checkpoints: all.filter(({ attempt }) => attempt <= run.attempt), generation };
}
