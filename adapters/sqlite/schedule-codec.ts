// Rows of schedules and of their occurrences as core types.
import type { TaskId } from "../../src/core/ids.ts";
import type { Occurrence, ScheduleDefinition, ScheduleRow } from "../../src/ports/store-schedules.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import { packJson, packText, packTextOrNull, unpackText, unpackTextOrNull } from "./codec.ts";

export const SCHEDULE_COLUMNS = `s.schedule_id, s.version, s.revision, s.state, s.paused_at, s.anchor_at, s.accounted_to, s.next_at, s.due_at,
  s.missing_since, s.created_at, s.updated_at, s.definition`;

export interface ScheduleDbRow {
  readonly schedule_id: string;
  readonly version: number;
  readonly revision: number;
  readonly state: ScheduleRow["state"];
  readonly paused_at: number | null;
  readonly anchor_at: number;
  readonly accounted_to: number;
  readonly next_at: number | null;
  readonly due_at: number | null;
  readonly missing_since: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly definition: string;
}

export function scheduleOf(row: ScheduleDbRow): ScheduleRow {
  return {
    scheduleId: unpackText(row.schedule_id),
    version: row.version,
    revision: row.revision,
    definition: JSON.parse(row.definition) as ScheduleDefinition,
    state: row.state,
    pausedAt: row.paused_at,
    anchorAt: row.anchor_at,
    accountedTo: row.accounted_to,
    nextAt: row.next_at,
    dueAt: row.due_at,
    missingSince: row.missing_since,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export const OCCURRENCE_COLUMNS = `o.seq, o.schedule_id, o.at, o.to_at, o.number, o.source, o.outcome, o.reason, o.fire_key, o.task_id,
  o.tracked, o.revision, o.accounted_at`;

export interface OccurrenceDbRow {
  readonly seq: number;
  readonly schedule_id: string;
  readonly at: number;
  readonly to_at: number;
  readonly number: number | null;
  readonly source: Occurrence["source"];
  readonly outcome: Occurrence["outcome"];
  readonly reason: Occurrence["reason"];
  readonly fire_key: string | null;
  readonly task_id: TaskId | null;
  readonly tracked: number | boolean;
  readonly revision: number;
  readonly accounted_at: number;
}

export function occurrenceOf(row: OccurrenceDbRow): Occurrence {
  return {
    scheduleId: unpackText(row.schedule_id),
    seq: row.seq,
    at: row.at,
    to: row.to_at,
    count: row.number,
    source: row.source,
    outcome: row.outcome,
    reason: row.reason,
    fireKey: unpackTextOrNull(row.fire_key),
    taskId: row.task_id,
    revision: row.revision,
    accountedAt: row.accounted_at,
  };
}

/** A row of another store, with the values of scheduleValues. */
export const COPY_SCHEDULE = `INSERT INTO schedules (schedule_id, version, revision, state, paused_at, anchor_at, accounted_to, next_at,
  due_at, missing_since, created_at, updated_at, definition) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

export function scheduleValues(row: ScheduleRow): unknown[] {
  return [
    packText(row.scheduleId),
    row.version,
    row.revision,
    row.state,
    row.pausedAt,
    row.anchorAt,
    row.accountedTo,
    row.nextAt,
    row.dueAt,
    row.missingSince,
    row.createdAt,
    row.updatedAt,
    packJson(toJsonText(row.definition)),
  ];
}

/** A record of another store, with the values of occurrenceValues. */
export const COPY_OCCURRENCE = `INSERT INTO occurrences (seq, schedule_id, at, to_at, number, source, outcome, reason, fire_key, task_id,
  tracked, revision, accounted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

export function occurrenceValues(row: Occurrence & { readonly tracked: boolean }): unknown[] {
  return [
    row.seq,
    packText(row.scheduleId),
    row.at,
    row.to,
    row.count,
    row.source,
    row.outcome,
    row.reason,
    packTextOrNull(row.fireKey),
    row.taskId,
    row.tracked ? 1 : 0,
    row.revision,
    row.accountedAt,
  ];
}
