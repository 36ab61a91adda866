// Schedules and their occurrences as rows are asked for and written here; what a row says is in rows/schedules.ts.
import { toJsonText } from "../../src/core/json-text.ts";
import type { Occurrence, ScheduleDeclaration, ScheduleRow } from "../../src/ports/store-schedules.ts";
import { packJson, packText, packTextOrNull } from "./codec.ts";

/** Of s. */
export const SCHEDULE_COLUMNS = `s.schedule_id, s.version::double precision as version, s.revision, s.state,
  chiron.ms(s.paused_at) as paused_at, chiron.ms(s.anchor_at) as anchor_at, chiron.ms(s.accounted_to) as accounted_to,
  chiron.ms(s.next_at) as next_at, chiron.ms(s.due_at) as due_at, chiron.ms(s.missing_since) as missing_since,
  chiron.ms(s.created_at) as created_at, chiron.ms(s.updated_at) as updated_at, s.definition`;

export function packDeclaration(row: ScheduleDeclaration): object {
  return {
    id: packText(row.scheduleId),
    version: row.version,
    revision: row.revision,
    state: row.state,
    paused_at: row.pausedAt,
    anchor_at: row.anchorAt,
    accounted_to: row.accountedTo,
    next_at: row.nextAt,
    due_at: row.dueAt,
    missing_since: row.missingSince,
    workflow: packText(row.definition.workflowName),
    definition: packJson(toJsonText(row.definition)),
  };
}

/** Of o. */
export const OCCURRENCE_COLUMNS = `o.seq::double precision as seq, o.schedule_id, chiron.ms(o.at) as at, chiron.ms(o.to_at) as to_at,
  o.number::double precision as number, o.source, o.outcome, o.reason, o.fire_key, o.task_id, o.tracked, o.revision,
  chiron.ms(o.accounted_at) as accounted_at`;

/** Rows of another store, packed by packSchedule. */
export const COPY_SCHEDULES = `insert into chiron.schedules (schedule_id, version, revision, state, paused_at, anchor_at, accounted_to,
    next_at, due_at, missing_since, created_at, updated_at, workflow_name, definition)
  select id, version, revision, state, chiron.at(paused_at), chiron.at(anchor_at), chiron.at(accounted_to), chiron.at(next_at),
    chiron.at(due_at), chiron.at(missing_since), chiron.at(created), chiron.at(updated), workflow, definition
  from json_to_recordset($1::json) as x(id text, version bigint, revision integer, state text, paused_at double precision,
    anchor_at double precision, accounted_to double precision, next_at double precision, due_at double precision,
    missing_since double precision, created double precision, updated double precision, workflow text, definition text)`;

export function packSchedule(row: ScheduleRow): object {
  return { ...packDeclaration(row), created: row.createdAt, updated: row.updatedAt };
}

/** Records of another store, packed by packOccurrence. */
export const COPY_OCCURRENCES = `insert into chiron.occurrences (seq, schedule_id, at, to_at, number, source, outcome, reason, fire_key,
    task_id, tracked, revision, accounted_at) overriding system value
  select seq, schedule, chiron.at(at), chiron.at("to"), count, source, outcome, reason, key, task, tracked, revision, chiron.at(accounted)
  from json_to_recordset($1::json) as x(seq bigint, schedule text, at double precision, "to" double precision, count bigint, source text,
    outcome text, reason text, key text, task uuid, tracked boolean, revision integer, accounted double precision)`;

export function packOccurrence(row: Occurrence & { readonly tracked: boolean }): object {
  const { scheduleId, fireKey, taskId, accountedAt, ...rest } = row;
  return {
    ...rest,
    schedule: packText(scheduleId),
    key: packTextOrNull(fireKey),
    task: taskId,
    accounted: accountedAt,
  };
}

/** Run when all of them are there: numbers go on behind the last, and absurd's queue tells the next fires again. */
export const FINISH_SCHEDULES = [
  "select setval(pg_get_serial_sequence('chiron.occurrences', 'seq'), max(seq)) from chiron.occurrences having max(seq) is not null",
  "select chiron.keep_tick(schedule_id) from chiron.schedules order by schedule_id",
];
