// Rows of the database to core types and back. Text goes in exactly as it comes out: a lone surrogate, which UTF-8 cannot hold, is
// escaped on the way in (as JSON inside a value, reversibly inside a name).
import type { RunId, TaskId } from "../../src/core/ids.ts";
import { toJsonText, type JsonText } from "../../src/core/json-text.ts";
import type { State } from "../../src/core/states.ts";
import type { Cause, Checkpoint, CheckpointKind, Failure, Run, Task, Wait } from "../../src/ports/store-types.ts";
import { ESCAPE, hexOf, unpackText, unpackTextOrNull } from "../rows/stored-text.ts";

const LONE_SURROGATE = /\p{Surrogate}/gu;
/** A noncharacter, so that texts of people need no escape. */
const TO_ESCAPE = /[\uFFFE\p{Surrogate}]/gu;

/** A JSON text as it is stored. In JSON a lone surrogate can only stand inside a string, where its escape means the same. */
export function packJson(text: JsonText): string {
  return text.isWellFormed() ? text : text.replace(LONE_SURROGATE, (char) => `\\u${hexOf(char)}`);
}

/** A name or key as it is stored; different names stay different. */
export function packText(text: string): string {
  if (text.isWellFormed() && !text.includes(ESCAPE)) return text;
  return text.replace(TO_ESCAPE, (char) => ESCAPE + hexOf(char));
}

export function packTextOrNull(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : packText(text);
}

/** JSON.stringify writes well-formed text only. */
export function packFailure(failure: Failure): string {
  return toJsonText(failure);
}

export const TASK_COLUMNS = `t.task_id, t.queue, t.workflow_name, t.idempotency_key, t.max_attempts, t.attempts, t.last_run_id, t.cause_kind,
  t.cause_ref, t.parent_task_id, t.harness_type, t.created_at, t.finished_at, t.input, t.output,
  (SELECT first.started_at FROM runs first WHERE first.task_id = t.task_id AND first.attempt = 1) AS task_started_at`;

/** `newest` names the task's newest run in the query: its state is the task's. */
export const stateColumns = (newest: "n" | "r"): string =>
  `${newest}.state AS task_state, ${newest}.updated_at AS task_updated_at, ${newest}.pinned AS task_pinned`;

export interface TaskRow {
  readonly task_id: TaskId;
  readonly queue: string;
  readonly workflow_name: string;
  readonly idempotency_key: string | null;
  readonly max_attempts: number;
  readonly attempts: number;
  readonly last_run_id: RunId;
  readonly cause_kind: Cause["kind"];
  readonly cause_ref: string | null;
  readonly parent_task_id: TaskId | null;
  readonly harness_type: string | null;
  readonly created_at: number;
  readonly finished_at: number | null;
  readonly input: JsonText;
  readonly output: JsonText | null;
  readonly task_started_at: number | null;
  readonly task_state: State;
  readonly task_updated_at: number;
  readonly task_pinned: string | null;
}

export function taskOf(row: TaskRow): Task {
  return {
    taskId: row.task_id,
    queue: unpackText(row.queue),
    workflowName: unpackText(row.workflow_name),
    state: row.task_state,
    input: row.input,
    output: row.output,
    attempts: row.attempts,
    maxAttempts: row.max_attempts,
    lastRunId: row.last_run_id,
    idempotencyKey: unpackTextOrNull(row.idempotency_key),
    cause: row.cause_ref === null ? { kind: row.cause_kind } : { kind: row.cause_kind, ref: unpackText(row.cause_ref) },
    parentTaskId: row.parent_task_id,
    harnessType: unpackTextOrNull(row.harness_type),
    createdAt: row.created_at,
    updatedAt: row.task_updated_at,
    startedAt: row.task_started_at,
    finishedAt: row.finished_at,
    pinnedGeneration: unpackTextOrNull(row.task_pinned),
  };
}

export const RUN_COLUMNS = `r.run_id, r.task_id AS run_task_id, r.attempt, r.state, r.failure, r.available_at, r.started_at,
  r.finished_at AS run_finished_at, r.created_at AS run_created_at, r.generation`;

export interface RunRow {
  readonly run_id: RunId;
  readonly run_task_id: TaskId;
  readonly attempt: number;
  readonly state: State;
  readonly failure: string | null;
  readonly available_at: number | null;
  readonly started_at: number | null;
  readonly run_finished_at: number | null;
  readonly run_created_at: number;
  readonly generation: string | null;
}

export function runOf(row: RunRow): Run {
  return {
    runId: row.run_id,
    taskId: row.run_task_id,
    attempt: row.attempt,
    state: row.state,
    failure: row.failure === null ? null : (JSON.parse(row.failure) as Failure),
    availableAt: row.available_at,
    startedAt: row.started_at,
    finishedAt: row.run_finished_at,
    createdAt: row.run_created_at,
    generation: unpackTextOrNull(row.generation),
  };
}

export interface CheckpointRow {
  readonly name: string;
  readonly kind: CheckpointKind;
  readonly value: JsonText;
  readonly seq: number;
  readonly owner_run_id: RunId;
  readonly attempt: number;
  readonly created_at: number;
  readonly duration_ms: number;
  readonly position: string | null;
}

export function checkpointOf(row: CheckpointRow): Checkpoint {
  return {
    name: unpackText(row.name),
    kind: row.kind,
    value: row.value,
    seq: row.seq,
    ownerRunId: row.owner_run_id,
    attempt: row.attempt,
    createdAt: row.created_at,
    durationMs: row.duration_ms,
    position: unpackTextOrNull(row.position),
  };
}

export interface WaitRow {
  readonly step: string;
  readonly kind: Wait["kind"];
  readonly target: string | null;
  readonly deadline_at: number | null;
  readonly created_at: number;
}

export function waitOf(row: WaitRow): Wait {
  return {
    step: unpackText(row.step),
    kind: row.kind,
    target: unpackTextOrNull(row.target),
    deadlineAt: row.deadline_at,
    createdAt: row.created_at,
  };
}
