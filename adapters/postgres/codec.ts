// Rows of the database to core types and back. A text of Postgres holds neither NUL nor half a surrogate pair: names are escaped
// reversibly, values keep their JSON escapes and are told apart by what jsonb does to them.
import type { RunId, TaskId } from "../../src/core/ids.ts";
import { compactJsonb, jsonbFate } from "../../src/core/jsonb.ts";
import { NULL_JSON, toJsonText, type JsonText } from "../../src/core/json-text.ts";
import type { State } from "../../src/core/states.ts";
import type {
  Cause,
  Checkpoint,
  CheckpointKind,
  Failure,
  Recorded,
  Run,
  Task,
  Wait,
} from "../../src/ports/store-types.ts";
import { ESCAPE, hexOf, unpackText, unpackTextOrNull } from "../rows/stored-text.ts";

const LONE_SURROGATE = /\p{Surrogate}/gu;
/** A noncharacter, so that texts of people need no escape. */
const TO_ESCAPE = /[\p{Cc}\uFFFE\p{Surrogate}]/gu;

/** A JSON text with raw halves of surrogate pairs escaped: in JSON they can only stand inside a string, where that means the same. */
export function packJson(text: JsonText): string {
  return text.isWellFormed() ? text : text.replace(LONE_SURROGATE, (char) => `\\u${hexOf(char)}`);
}

/** A value on its way into the database, as the members of every function take it. */
export interface StoredValue {
  readonly value: string;
  /** 0 jsonb gives the text back, 1 it changes it, 2 it may refuse it: from 1 on the text is kept beside the jsonb. */
  readonly fate: 0 | 1 | 2;
}

export function packValue(text: JsonText): StoredValue {
  const value = packJson(text);
  const fate = jsonbFate(value);
  return { value, fate: fate === "same" ? 0 : fate === "changed" ? 1 : 2 };
}

/** A value on its way back: the exact text where one was kept, else what Postgres prints for the jsonb. */
export function unpackValue(exact: string | null, printed: string | null): JsonText {
  if (exact !== null) return exact as JsonText;
  return printed === null ? NULL_JSON : (compactJsonb(printed) as JsonText);
}

/** A name or key as it is stored; different names stay different. */
export function packText(text: string): string {
  if (text.isWellFormed() && !text.includes(ESCAPE) && !text.includes("\u0000")) return text;
  return text.replace(TO_ESCAPE, (char) => ESCAPE + hexOf(char));
}

export function packTextOrNull(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : packText(text);
}

/** The name as a JSON text, where Postgres could not make it from the stored one. */
export function nameJson(name: string): string | null {
  return packText(name) === name ? null : JSON.stringify(name);
}

export function packFailure(failure: Failure): StoredValue {
  return packValue(toJsonText(failure));
}

/** What SQL answers for a recorded value: name, kind, exact text, printed jsonb. */
export type RecordedRow = readonly [name: string, kind: CheckpointKind, exact: string | null, printed: string | null];

export function recordedOf([name, kind, exact, printed]: RecordedRow): Recorded {
  return { name: unpackText(name), kind, value: unpackValue(exact, printed) };
}

export interface TaskRow {
  readonly task_id: TaskId;
  readonly queue: string;
  readonly workflow_name: string;
  readonly task_state: State;
  readonly input: string | null;
  readonly input_printed: string | null;
  readonly output: string | null;
  readonly output_printed: string | null;
  readonly attempts: number;
  /** Null: without end, as only other programs spawn. */
  readonly max_attempts: number | null;
  readonly last_run_id: RunId;
  readonly idempotency_key: string | null;
  readonly cause_kind: Cause["kind"];
  readonly cause_ref: string | null;
  readonly parent_task_id: TaskId | null;
  readonly harness_type: string | null;
  readonly task_created_at: number;
  readonly task_updated_at: number;
  readonly task_started_at: number | null;
  readonly task_finished_at: number | null;
  readonly task_pinned: string | null;
}

/** Stands for "without end". */
export const ENDLESS = 2 ** 31 - 1;

export function taskOf(row: TaskRow): Task {
  return {
    taskId: row.task_id,
    queue: row.queue,
    workflowName: unpackText(row.workflow_name),
    state: row.task_state,
    input: unpackValue(row.input, row.input_printed),
    output: row.task_state === "completed" ? unpackValue(row.output, row.output_printed) : null,
    attempts: row.attempts,
    maxAttempts: row.max_attempts ?? ENDLESS,
    lastRunId: row.last_run_id,
    idempotencyKey: unpackTextOrNull(row.idempotency_key),
    cause: row.cause_ref === null ? { kind: row.cause_kind } : { kind: row.cause_kind, ref: unpackText(row.cause_ref) },
    parentTaskId: row.parent_task_id,
    harnessType: unpackTextOrNull(row.harness_type),
    createdAt: row.task_created_at,
    updatedAt: row.task_updated_at,
    startedAt: row.task_started_at,
    finishedAt: row.task_finished_at,
    pinnedGeneration: unpackTextOrNull(row.task_pinned),
  };
}

export interface RunRow {
  readonly run_id: RunId;
  readonly run_task_id: TaskId;
  readonly attempt: number;
  readonly state: State;
  readonly failure: string | null;
  readonly available_at: number | null;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly created_at: number;
  readonly generation: string | null;
}

export function runOf(row: RunRow): Run {
  return {
    runId: row.run_id,
    taskId: row.run_task_id,
    attempt: row.attempt,
    state: row.state,
    failure: row.failure === null ? null : failureOf(row.failure),
    availableAt: row.available_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    createdAt: row.created_at,
    generation: unpackTextOrNull(row.generation),
  };
}

/** Other programs note reasons of their own shape. */
function failureOf(text: string): Failure {
  const reason = JSON.parse(text) as Partial<Failure> | null;
  if (typeof reason === "object" && typeof reason?.name === "string" && typeof reason.message === "string") {
    return reason as Failure;
  }
  return { name: typeof reason?.name === "string" ? reason.name : "Error", message: text };
}

export interface CheckpointRow {
  readonly name: string;
  readonly kind: CheckpointKind;
  readonly value: string | null;
  readonly printed: string | null;
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
    value: unpackValue(row.value, row.printed),
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
