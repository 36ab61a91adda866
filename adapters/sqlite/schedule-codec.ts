// Schedules and their occurrences as rows are asked for and written here; what a row says is in rows/schedules.ts.
import type { Occurrence, ScheduleRow } from "../../src/ports/store-schedules.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import { packJson, packText, packTextOrNull } from "./codec.ts";

export const SCHEDULE_COLUMNS = `s.schedule_id, s.version, s.revision, s.state, s.paused_at, s.anchor_at, s.accounted_to, s.next_at, s.due_at,
  s.missing_since, s.created_at, s.updated_at, s.definition`;

export const OCCURRENCE_COLUMNS = `o.seq, o.schedule_id, o.at, o.to_at, o.number, o.source, o.outcome, o.reason, o.fire_key, o.task_id,
  o.tracked, o.revision, o.accounted_at`;

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
