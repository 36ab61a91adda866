// The store: named transitions, each one transaction, grouped by noun. Methods take arrays and answer in the same order; every
// member stands for itself, so a refused one never fails its batch-mates. A promise settles only after the commit is durable.
// Faults (a full disk, a corrupt file) reject the whole call with a ChironError; refusals are answers.
import type { Histogram } from "../core/histogram.ts";
import type { RunId, TaskId } from "../core/ids.ts";
import type { CodeStore } from "./store-code.ts";
import type { DeliveryStore } from "./store-deliveries.ts";
import type { EffectStore } from "./store-effects.ts";
import type { ImportStore } from "./store-imports.ts";
import type { StoreInsight } from "./store-insight.ts";
import type { ScheduleStore } from "./store-schedules.ts";
import type {
  Accepted,
  ApiKey,
  Cancelled,
  Checkpoint,
  CheckpointKept,
  CheckpointWrite,
  ClaimRef,
  ClaimRequest,
  ClaimedRun,
  CompleteRequest,
  EmitRequest,
  Emitted,
  Enqueued,
  Expired,
  ExpireRequest,
  FailRequest,
  Failed,
  Fork,
  Forked,
  LogLine,
  NewTask,
  Refused,
  Release,
  Retried,
  Run,
  Stamp,
  StoredEvent,
  StoredLogLine,
  SuspendRequest,
  Suspended,
  Task,
  TaskFilter,
  Wait,
} from "./store-types.ts";

/** A task's beginning and the ends that come from outside a claim. */
export interface TaskTransitions {
  enqueue(tasks: readonly NewTask[]): Promise<Enqueued[]>;
  /** Tasks that begin with checkpoints of others, which stay as they are. One transaction with the new task. */
  fork(forks: readonly Fork[]): Promise<Forked[]>;
  /** Any state; a terminal task stays as it is. */
  cancel(taskIds: readonly TaskId[]): Promise<Cancelled[]>;
  /** A failed task gets one more attempt, its checkpoints kept; maxAttempts rises when needed. unpin: on whatever code serves then. */
  retry(taskIds: readonly TaskId[], options?: { readonly unpin?: boolean }): Promise<Retried[]>;
  /** Deletes terminal tasks that finished before `beforeMs`, with all that belongs to them except their start keys. Answers how many. */
  forget(beforeMs: number, limit: number): Promise<number>;
}

/** Taking and holding runs. */
export interface ClaimTransitions {
  /** Due runs of each request's queue, earliest first, each under a new claim token. */
  claim(requests: readonly ClaimRequest[]): Promise<ClaimedRun[][]>;
  extend(refs: readonly (ClaimRef & { readonly leaseMs: number })[]): Promise<(Accepted | Refused)[]>;
  /** Whether these claims still stand; changes nothing. How a replica learns that another one cancelled or took over a run. */
  held(refs: readonly ClaimRef[]): Promise<(Accepted | Refused)[]>;
  /** Gives a run back without costing an attempt: a graceful stop, a reload, an innocent neighbour of a crash. Due again after `delayMs` (default 0), state pending. */
  release(refs: readonly Release[]): Promise<(Accepted | Refused)[]>;
  /** Makes released runs of these workflows due now: their code has come back. Answers how many. */
  unpark(workflowNames: readonly string[]): Promise<number>;
  /** Ends claims that no live process holds as failed attempts, and makes the next attempt due at once while there is one left. */
  expire(request: ExpireRequest): Promise<Expired[]>;
  /** When the next pending or sleeping run of these queues becomes due; null: none will by itself. */
  nextDueAt(queues: readonly string[]): Promise<number | null>;
  /**
   * Calls the listener when another process, or the completion of an awaited task, may have made a run of a queue due, where the store can tell. A hint that may fail to come:
   * whoever listens polls as well. Answers the end of the subscription.
   */
  subscribe?(listener: () => void): () => void;
}

/** What a claimed run writes. */
export interface ProgressTransitions {
  checkpoint(writes: readonly CheckpointWrite[]): Promise<(CheckpointKept | Refused)[]>;
  suspend(requests: readonly SuspendRequest[]): Promise<(Suspended | Refused)[]>;
  complete(requests: readonly CompleteRequest[]): Promise<(Accepted | Refused)[]>;
  fail(requests: readonly FailRequest[]): Promise<(Failed | Refused)[]>;
  /** Notes which generation of the code runs these claims. */
  stamp(refs: readonly Stamp[]): Promise<void>;
}

export interface EventTransitions {
  /** First emit of a name wins, for every queue at once. */
  emit(events: readonly EmitRequest[]): Promise<Emitted[]>;
  get(name: string): Promise<StoredEvent | null>;
}

export interface TaskReads {
  /** By task id or by the id of any of its runs. */
  find(id: string): Promise<{ readonly task: Task; readonly run: Run } | null>;
  /** Newest first, one row per task with its newest run. */
  list(filter: TaskFilter): Promise<{ readonly task: Task; readonly run: Run }[]>;
  runs(taskId: TaskId): Promise<Run[]>;
  checkpoints(taskId: TaskId): Promise<Checkpoint[]>;
  waits(taskId: TaskId): Promise<Wait[]>;
  /** Non-terminal tasks per workflow name. */
  activeNames(): Promise<string[]>;
  /** Non-terminal tasks of a workflow, oldest first. */
  activeOf(workflowName: string, limit: number): Promise<TaskId[]>;
  counts(): Promise<
    { readonly queue: string; readonly state: string; readonly workflowName: string; readonly count: number }[]
  >;
}

export interface LogStore {
  append(lines: readonly LogLine[]): Promise<void>;
  list(
    taskId: TaskId,
    filter: { readonly runId?: RunId; readonly after?: number; readonly limit: number },
  ): Promise<StoredLogLine[]>;
}

export interface KeyStore {
  /** `hash` is what is stored; the key itself is shown once and never again. */
  add(key: {
    readonly id: string;
    readonly name: string;
    readonly scope: ApiKey["scope"];
    readonly hash: string;
  }): Promise<ApiKey>;
  findByHash(hash: string): Promise<ApiKey | null>;
  list(): Promise<ApiKey[]>;
  revoke(id: string): Promise<boolean>;
}

export interface StoreBatches {
  /** Calls that one commit carried. */
  readonly commits: Histogram;
  /** Runs that one claim brought, of claims that found any. */
  readonly claims: Histogram;
}

export interface StoreAdmin {
  /** One line for a person: which store this is and where. */
  describe(): {
    readonly kind: "sqlite" | "postgres";
    readonly location: string;
    readonly version: string;
    readonly schema: number;
  };
  /** Transactions committed since the store was opened: beside the runs, how well writes are gathered. */
  commits(): number;
  /** The sizes of what was gathered since then. */
  batches(): StoreBatches;
  /** A consistent copy while the store is in use. */
  backup(target: string): Promise<void>;
  /** Answers when the store can commit now; rejects with the reason otherwise. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface Store {
  readonly tasks: TaskTransitions;
  readonly claims: ClaimTransitions;
  readonly progress: ProgressTransitions;
  readonly events: EventTransitions;
  readonly reads: TaskReads;
  readonly logs: LogStore;
  readonly keys: KeyStore;
  readonly schedules: ScheduleStore;
  readonly code: CodeStore;
  readonly deliveries: DeliveryStore;
  readonly effects: EffectStore;
  readonly insight: StoreInsight;
  readonly imports: ImportStore;
  readonly admin: StoreAdmin;
}
