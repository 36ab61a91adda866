// Rows of schedules and of their occurrences as core types, and the way back.
import type { TaskId } from "../../src/core/ids.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import type {
  Occurrence,
  ScheduleDeclaration,
  ScheduleDefinition,
  ScheduleRow,
} from "../../src/ports/store-schedules.ts";
import { packJson, packText, unpackText, unpackTextOrNull } from "./codec.ts";

/** Of s. */
export const SCHEDULE_COLUMNS = `s.schedule_id, s.version::double precision as version, s.revision, s.state,
  chiron.ms(s.paused_at) as paused_at, chiron.ms(s.anchor_at) as anchor_at, chiron.ms(s.accounted_to) as accounted_to,
  chiron.ms(s.next_at) as next_at, chiron.ms(s.due_at) as due_at, chiron.ms(s.missing_since) as missing_since,
  chiron.ms(s.created_at) as created_at, chiron.ms(s.updated_at) as updated_at, s.definition`;

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
    definition: packJson(toJsonText(row.definition)),
  };
}

/** Of o. */
export const OCCURRENCE_COLUMNS = `o.seq::double precision as seq, o.schedule_id, chiron.ms(o.at) as at, chiron.ms(o.to_at) as to_at,
  o.number::double precision as number, o.source, o.outcome, o.reason, o.fire_key, o.task_id, o.tracked, o.revision,
  chiron.ms(o.accounted_at) as accounted_at`;

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
  readonly tracked: boolean;
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
