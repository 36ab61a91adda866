// Taking in a task that ran in another store: what was on record there becomes a record here. Nothing wakes, runs or waits because of it.
import type { TransferRows } from "./store-transfer.ts";
import type { LogLine, Run, Task } from "./store-types.ts";

export interface ImportedTask {
  /** Ended, of a queue of this store, without an idempotency key. */
  readonly task: Task;
  /** All of its runs, ended. */
  readonly runs: readonly Run[];
  readonly checkpoints: readonly TransferRows["checkpoints"][];
  readonly logs: readonly LogLine[];
  /** Those whose ids are here already are left out, as for deliveries. */
  readonly effects: readonly TransferRows["effects"][];
  readonly deliveries: readonly TransferRows["deliveries"][];
}

export type TaskImported = { readonly ok: true } | { readonly ok: false; readonly reason: "exists" };

export interface ImportStore {
  /** All of it in one transaction, or nothing: when the task, or one of its runs, is here already. */
  add(imported: ImportedTask): Promise<TaskImported>;
}
