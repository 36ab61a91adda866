// Schedules: reads, and what a file, a person or the passing of time declares of them. How an occurrence is recorded is in
// schedule-accounting.ts. One process owns the file, so what it declares is always in force.
import type {
  ScheduleStore,
  ScheduleChanged,
  ScheduleDeclaration,
  StoredSchedule,
} from "../../src/ports/store-schedules.ts";
import { packJson, packText } from "./codec.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import { prepareQuery } from "./query.ts";
import { createAccount } from "./schedule-accounting.ts";
import { OCCURRENCE_COLUMNS, SCHEDULE_COLUMNS } from "./schedule-codec.ts";
import { each, read, type Session } from "./session.ts";
import { type OccurrenceDbRow, occurrenceOf, type ScheduleDbRow, scheduleOf } from "../rows/schedules.ts";

const SELECT = `SELECT ${SCHEDULE_COLUMNS},
  (SELECT count(*) FROM occurrences o WHERE o.schedule_id = s.schedule_id AND o.outcome = 'held') AS held,
  (SELECT count(*) FROM occurrences o JOIN tasks t ON t.task_id = o.task_id
    WHERE o.schedule_id = s.schedule_id AND o.tracked = 1 AND t.ended IS NULL) AS running,
  (SELECT max(o.seq) FROM occurrences o WHERE o.schedule_id = s.schedule_id) AS newest
  FROM schedules s`;
const LIST = `${SELECT} ORDER BY s.schedule_id`;
const ONE = `${SELECT} WHERE s.schedule_id = ?`;
const DUE = `${SELECT} WHERE s.state = 'active' AND s.paused_at IS NULL AND (s.due_at <= ?
  OR EXISTS (SELECT 1 FROM occurrences o WHERE o.schedule_id = s.schedule_id AND o.outcome = 'held')) ORDER BY s.due_at LIMIT ?`;
const NEXT_DUE = `SELECT min(due_at) AS at FROM schedules WHERE state = 'active' AND paused_at IS NULL AND due_at > ?`;
const RECORD = `SELECT ${OCCURRENCE_COLUMNS} FROM occurrences o WHERE o.seq = ?`;
const RECORDS = (ascending: boolean): string => `SELECT ${OCCURRENCE_COLUMNS} FROM occurrences o
  WHERE o.schedule_id = ? AND o.seq < ? AND o.outcome = coalesce(?, o.outcome) ORDER BY o.seq ${ascending ? "" : "DESC"} LIMIT ?`;
const BY_KEYS = `SELECT ${OCCURRENCE_COLUMNS} FROM occurrences o
  WHERE o.schedule_id = ? AND o.fire_key IN (SELECT value FROM json_each(?)) ORDER BY o.seq LIMIT ?`;
const INSERT = `INSERT INTO schedules (revision, state, paused_at, anchor_at, accounted_to, next_at, due_at, missing_since, updated_at,
  definition, version, schedule_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO NOTHING`;
const UPDATE = `UPDATE schedules SET revision = ?, state = ?, paused_at = ?, anchor_at = ?, accounted_to = ?, next_at = ?, due_at = ?,
  missing_since = ?, updated_at = ?, definition = ?, version = version + 1 WHERE schedule_id = ? AND version = ?`;
// A held record is work to be done, not history.
const FORGET = `DELETE FROM occurrences WHERE seq IN (SELECT o.seq FROM occurrences o
  WHERE o.accounted_at < ? AND o.outcome <> 'held' ORDER BY o.accounted_at LIMIT ?)`;

type FullRow = ScheduleDbRow & { readonly held: number; readonly running: number; readonly newest: number | null };

const LAST = Number.MAX_SAFE_INTEGER;

export function createSchedules(session: Session): ScheduleStore {
  const { db, clock, commits } = session;
  const list = prepareQuery<[], FullRow>(db, LIST);
  const one = prepareQuery<[string], FullRow>(db, ONE);
  const due = prepareQuery<[number, number], FullRow>(db, DUE);
  const nextDue = prepareQuery<[number], { at: number | null }>(db, NEXT_DUE);
  const record = prepareQuery<[number], OccurrenceDbRow>(db, RECORD);
  const forget = db.prepare(FORGET);
  const declare = createDeclare(session);
  const account = createAccount(session);
  const occurrences = createOccurrences(session);
  const stored = (row: FullRow): StoredSchedule => ({
    ...scheduleOf(row),
    held: row.held,
    running: row.running,
    last: row.newest === null ? null : occurrenceOf(record.get(row.newest)!),
  });
  return {
    list: () => read(session, () => ({ now: clock.now(), schedules: list.all().map(stored) })),
    find: (scheduleId) =>
      read(session, () => {
        const row = one.get(packText(scheduleId));
        return { now: clock.now(), schedule: row ? stored(row) : null };
      }),
    due: (limit) =>
      read(session, () => {
        const now = clock.now();
        return { now, schedules: due.all(now, limit).map(stored), nextDueAt: nextDue.get(now)!.at };
      }),
    declare: (declarations) => each(session, declarations, declare),
    account: (accountings) => each(session, accountings, account),
    occurrences,
    announce: () => Promise.resolve(true),
    forget: (beforeMs, limit) => commits.add(() => forget.run(beforeMs, limit).changes),
  };
}

function createOccurrences(session: Session): ScheduleStore["occurrences"] {
  type Parameters = [string, number, string | null, number];
  const ascend = prepareQuery<Parameters, OccurrenceDbRow>(session.db, RECORDS(true));
  const descend = prepareQuery<Parameters, OccurrenceDbRow>(session.db, RECORDS(false));
  const byKeys = prepareQuery<[string, string, number], OccurrenceDbRow>(session.db, BY_KEYS);
  return ({ scheduleId, outcome, fireKeys, before = LAST, ascending = false, limit }) =>
    read(session, () => {
      const id = packText(scheduleId);
      const rows =
        fireKeys === undefined
          ? (ascending ? ascend : descend).all(id, before, outcome ?? null, limit)
          : byKeys.all(id, JSON.stringify(fireKeys.map(packText)), limit);
      return rows.map(occurrenceOf);
    });
}

function createDeclare({ db, clock }: Session): (declaration: ScheduleDeclaration) => ScheduleChanged {
  const insert = db.prepare(INSERT);
  const update = db.prepare(UPDATE);
  return (row) => {
    const now = clock.now();
    const values = [
      row.revision,
      row.state,
      row.pausedAt,
      row.anchorAt,
      row.accountedTo,
      row.nextAt,
      row.dueAt,
      row.missingSince,
      now,
      packJson(toJsonText(row.definition)),
    ];
    const id = packText(row.scheduleId);
    const { changes } = row.version === 0 ? insert.run(...values, id, now) : update.run(...values, id, row.version);
    return changes > 0 ? { ok: true } : { ok: false, reason: "changed" };
  };
}
