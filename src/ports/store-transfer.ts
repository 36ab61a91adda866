// A store's contents as plain rows, for moving them into another store. Values are exact text. API keys are not among them: a key is
// made where it is used.
import type { RunId, TaskId } from "../core/ids.ts";
import type { Effect } from "./store-effects.ts";
import type { StoredGeneration } from "./store-code.ts";
import type { Delivery } from "./store-deliveries.ts";
import type { Occurrence, ScheduleRow } from "./store-schedules.ts";
import type { Checkpoint, Run, StoredEvent, StoredLogLine, Task, Wait } from "./store-types.ts";

/** A start key outlives its task; then it keeps the ids it answers with. */
export interface StartKey {
  readonly queue: string;
  readonly key: string;
  readonly taskId: TaskId;
  readonly runId: RunId | null;
  readonly attempt: number | null;
}

/** A source file's content in base64. */
export interface KeptSource {
  readonly sha256: string;
  readonly storedAt: number;
  readonly content: string;
}

/** A key outlives its deliveries: the hash of the first bytes that came with it. */
export interface DeliveryKey {
  readonly key: string;
  readonly bodySha256: string;
}

export interface TransferRows {
  readonly tasks: Task;
  readonly runs: Run;
  readonly checkpoints: Checkpoint & { readonly taskId: TaskId };
  readonly waits: Wait & { readonly taskId: TaskId };
  readonly events: StoredEvent;
  readonly startKeys: StartKey;
  readonly logs: StoredLogLine;
  readonly sources: KeptSource;
  readonly generations: StoredGeneration;
  readonly effects: Effect;
  readonly schedules: ScheduleRow;
  readonly occurrences: Occurrence & { readonly tracked: boolean };
  /** The body in base64. */
  readonly deliveries: Delivery & { readonly body: string };
  readonly deliveryKeys: DeliveryKey;
}
export type TransferKind = keyof TransferRows;

/** Rows read at a time. Source files and bodies are large, so few of them. */
export function transferBatch(kind: TransferKind): number {
  return kind === "sources" || kind === "deliveries" ? 20 : 500;
}

/** In the order in which they must be written: whatever refers to a task comes after it. */
export const TRANSFER_KINDS = [
  "tasks",
  "runs",
  "checkpoints",
  "waits",
  "events",
  "startKeys",
  "logs",
  "sources",
  "generations",
  "effects",
  "schedules",
  "occurrences",
  "deliveries",
  "deliveryKeys",
] as const satisfies readonly TransferKind[];

/** Everything is read as of one moment, beside whoever uses the store. */
export interface TransferSource {
  /** Which store this is and where, without its password. */
  readonly location: string;
  /** The process or processes that work on it now, in words; null: none that can be seen. */
  readonly user: string | null;
  /** Batch by batch; tasks by id, what belongs to a task by its task. */
  read<K extends TransferKind>(kind: K): AsyncIterable<readonly TransferRows[K][]>;
  close(): Promise<void>;
}

/** Everything is written in one transaction; reading shows what it has written so far. */
export interface TransferTarget extends TransferSource {
  /** Whether it holds nothing of any kind. */
  isEmpty(): Promise<boolean>;
  /** No row may be there already, and no run may be running. */
  write<K extends TransferKind>(kind: K, rows: readonly TransferRows[K][]): Promise<void>;
  /** Keeps what was written. A close without it leaves the store as it was. */
  commit(): Promise<void>;
}
