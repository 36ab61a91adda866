// What the store speaks: tasks, runs, checkpoints and waits as plain data. Times are ms since the epoch by the store's clock; values are JSON text.
import type { ClaimToken, RunId, TaskId } from "../core/ids.ts";
import type { JsonText } from "../core/json-text.ts";
import type { State } from "../core/states.ts";

/** Why a task exists. Written in the same transaction as the task (invariant 2). */
export interface Cause {
  readonly kind: "api" | "cli" | "webhook" | "schedule" | "child" | "fork" | "action" | "import";
  /** What the cause refers to: a parent task id, a delivery id, a fire key … */
  readonly ref?: string;
}

export interface NewTask {
  readonly queue: string;
  readonly workflowName: string;
  readonly input: JsonText;
  /** Unique per queue, for ever: also after retention deleted the task (invariant 17). */
  readonly idempotencyKey?: string;
  readonly maxAttempts: number;
  readonly cause: Cause;
  readonly parentTaskId?: TaskId;
  readonly harnessType?: string;
}

export interface Enqueued {
  readonly taskId: TaskId;
  /** The newest run of the task. */
  readonly runId: RunId;
  readonly attempt: number;
  /** False when the idempotency key already started a task: that task is the one named here. */
  readonly created: boolean;
}

/** A new task that begins with what another one has recorded. */
export interface Fork {
  readonly source: TaskId;
  /** Checkpoints with a smaller seq are taken over. */
  readonly before: number;
  readonly task: NewTask;
  /** Other values for some of them. */
  readonly edits: readonly { readonly name: string; readonly value: JsonText }[];
}

export type Forked =
  | { readonly ok: true; readonly taskId: TaskId; readonly runId: RunId; readonly kept: number }
  | { readonly ok: false; readonly reason: "not_found" };

/** `{name, message}` as the reference stores it, and more for a person. */
export interface Failure {
  /** An exception's class name, or a name beginning with `$` for the engine's own reasons. */
  readonly name: string;
  readonly message: string;
  readonly traceback?: string;
  /** How the host process ended, when it did: exit, signal, oom, import_loop, stalled. */
  readonly crash?: string;
}

export interface Task {
  readonly taskId: TaskId;
  readonly queue: string;
  readonly workflowName: string;
  readonly state: State;
  readonly input: JsonText;
  /** The handler's return value; null until completed. */
  readonly output: JsonText | null;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly lastRunId: RunId;
  readonly idempotencyKey: string | null;
  readonly cause: Cause;
  readonly parentTaskId: TaskId | null;
  readonly harnessType: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** The generation of code that its first attempt began on; null before that, and when nobody said. */
  readonly pinnedGeneration: string | null;
}

export interface Run {
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly attempt: number;
  readonly state: State;
  readonly failure: Failure | null;
  /** Earliest start; null for a wait without a deadline. */
  readonly availableAt: number | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly createdAt: number;
  /** The generation of code that last ran it. */
  readonly generation: string | null;
}

/** `timeout` is a wait that ended by its deadline: a value of null is not a timeout (invariant 15). */
export type CheckpointKind = "step" | "sleep" | "event" | "task" | "timeout";

export interface Checkpoint {
  readonly name: string;
  readonly kind: CheckpointKind;
  readonly value: JsonText;
  /** Position in the task's recorded sequence, from 1. */
  readonly seq: number;
  readonly ownerRunId: RunId;
  readonly attempt: number;
  readonly createdAt: number;
  readonly durationMs: number;
  /** `path:line` of the call, where the host knows it. */
  readonly position: string | null;
}

/** A wait that is not over: what a sleeping run waits for. */
export interface Wait {
  readonly step: string;
  readonly kind: "sleep" | "event" | "task";
  /** The event's name, or the awaited task's id; null for a sleep. */
  readonly target: string | null;
  /** When a sleep ends or a wait times out; null: never. */
  readonly deadlineAt: number | null;
  readonly createdAt: number;
}

export interface ClaimRequest {
  readonly queue: string;
  readonly limit: number;
  readonly leaseMs: number;
  /** Names the process and its boot; every claim token starts with it. */
  readonly owner: string;
  /** The generation of code that will most likely run what is claimed; noted with the claim, so that a stamp is rarely needed. */
  readonly generation?: string;
  /** What is claimed runs on the generation it is pinned to, where it is pinned: that one is noted then. */
  readonly keepPinned?: boolean;
}

/** The parts of a checkpoint that a replay needs. */
export type Recorded = Pick<Checkpoint, "name" | "kind" | "value">;

export interface ClaimedRun {
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly queue: string;
  readonly workflowName: string;
  readonly input: JsonText;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly claimToken: ClaimToken;
  readonly leaseUntil: number;
  readonly harnessType: string | null;
  /** The task's pin; a task that had none is pinned to the request's generation by this claim. */
  readonly pinnedGeneration: string | null;
  /** When this run became due, for latency figures. */
  readonly dueAt: number;
  /** In recorded order. Waits whose deadline has passed are among them, resolved by this claim. */
  readonly recorded: readonly Recorded[];
}

/** What a claim-side write carries to prove that it may write. */
export interface ClaimRef {
  readonly runId: RunId;
  readonly claimToken: ClaimToken;
}

export interface Refused {
  readonly ok: false;
  readonly reason: "lease_lost" | "cancelled" | "not_found";
}

export interface Release extends ClaimRef {
  readonly delayMs?: number;
  /** Nothing ran under this claim and the code it was pinned to does not have the workflow: the task is pinned to nothing. */
  readonly unpin?: boolean;
}

export interface Stamp extends ClaimRef {
  readonly generation: string;
  /** Also pins the task to it. */
  readonly pin?: boolean;
}

export interface Accepted {
  readonly ok: true;
}

export interface CheckpointWrite extends ClaimRef {
  readonly name: string;
  readonly value: JsonText;
  readonly durationMs: number;
  readonly position?: string;
  /** The write also renews the lease to now + this. */
  readonly leaseMs: number;
}

export interface CheckpointKept {
  readonly ok: true;
  /** Present when the name was recorded before: the first value, which stands (invariants 9 and 10). */
  readonly kept?: Recorded;
}

export interface WaitRequest {
  readonly step: string;
  readonly kind: Wait["kind"];
  readonly target: string | null;
  /** From now, by the store's clock; null: no deadline. Ignored when this step's wait is already on record: the first deadline stands. */
  readonly delayMs: number | null;
  /** An absolute deadline instead of delayMs (sleep_until). */
  readonly untilMs?: number;
}

export interface SuspendRequest extends ClaimRef {
  readonly waits: readonly WaitRequest[];
}

/** Either the run sleeps now and its claim is gone, or at least one wait is already over and the run goes on under its claim. */
export type Suspended =
  | { readonly ok: true; readonly suspended: true; readonly wakeAt: number | null }
  | { readonly ok: true; readonly suspended: false; readonly resolved: readonly Recorded[] };

export interface CompleteRequest extends ClaimRef {
  readonly output: JsonText;
}

export interface FailRequest extends ClaimRef {
  readonly failure: Failure;
  /** Delay before the next attempt; null: no further attempt, the task fails. The store never exceeds the task's maxAttempts. */
  readonly retryDelayMs: number | null;
}

export interface Failed {
  readonly ok: true;
  readonly taskState: State;
  /** The next attempt, when there is one. */
  readonly nextRunId: RunId | null;
  readonly nextAttemptAt: number | null;
}

export interface ExpireRequest {
  /** lapsed: leases that have passed. foreign: claims of any other owner, for the one process that owns the store. */
  readonly scope: "lapsed" | "foreign";
  readonly owner: string;
  readonly failure: Failure;
  readonly limit: number;
}

export interface Expired {
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly queue: string;
  readonly workflowName: string;
  readonly attempt: number;
  readonly taskState: State;
}

export type Cancelled =
  | {
      readonly ok: true;
      readonly changed: boolean;
      readonly state: State;
      readonly taskId: TaskId;
      readonly runId: RunId;
    }
  | { readonly ok: false; readonly reason: "not_found" };

export type Retried =
  | { readonly ok: true; readonly taskId: TaskId; readonly runId: RunId; readonly attempt: number }
  | { readonly ok: false; readonly reason: "not_found" | "not_failed"; readonly state?: State };

export interface EmitRequest {
  readonly name: string;
  readonly payload: JsonText;
}

export interface Emitted {
  /** False when the event was emitted before: the first payload stands. */
  readonly first: boolean;
  /** Runs that this emit woke. */
  readonly woken: readonly { readonly runId: RunId; readonly taskId: TaskId; readonly queue: string }[];
}

export interface StoredEvent {
  readonly name: string;
  readonly payload: JsonText;
  readonly emittedAt: number;
}

export interface TaskFilter {
  readonly workflowName?: string;
  readonly states?: readonly State[];
  readonly parentTaskId?: TaskId;
  /** Tasks strictly older than this one: the cursor. */
  readonly before?: TaskId;
  readonly limit: number;
}

export interface LogLine {
  readonly taskId: TaskId;
  readonly runId: RunId;
  readonly at: number;
  readonly level: "debug" | "info" | "warn" | "error";
  /** log: ctx.log; stdout and stderr: captured output; chiron: the engine's own remarks. */
  readonly source: "log" | "stdout" | "stderr" | "chiron";
  readonly message: string;
  /** ctx.log's fields, or null. */
  readonly fields: JsonText | null;
}

export interface StoredLogLine extends LogLine {
  /** Rises with time; the cursor. */
  readonly id: number;
}

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scope: "read" | "write" | "admin";
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
}
