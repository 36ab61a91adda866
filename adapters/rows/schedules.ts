// Rows of schedules and of their occurrences as core types. Both stores select them under the same names.
import type { TaskId } from "../../src/core/ids.ts";
import type { Occurrence, ScheduleDefinition, ScheduleRow } from "../../src/ports/store-schedules.ts";
import { unpackText, unpackTextOrNull } from "./stored-text.ts";

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

/** With what only the stores know of it; a truth is a number where there are no booleans. */
export function trackedOccurrenceOf(row: OccurrenceDbRow): Occurrence & { readonly tracked: boolean } {
  return { ...occurrenceOf(row), tracked: Boolean(row.tracked) };
}
