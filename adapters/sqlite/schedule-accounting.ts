// One step of a schedule's account: its cursor moves, what became of the occurrences on the way is recorded, and a fired one's task begins.
// All of it or, when somebody else changed the schedule first, nothing.
import type Database from "better-sqlite3";
import type { Accounted, Accounting, NewOccurrence } from "../../src/ports/store-schedules.ts";
import type { Enqueued } from "../../src/ports/store-types.ts";
import { packText, packTextOrNull } from "./codec.ts";
import { prepareQuery } from "./query.ts";
import type { Session } from "./session.ts";
import { createEnqueue } from "./tasks.ts";

const ADVANCE = `UPDATE schedules SET accounted_to = ?, next_at = ?, due_at = ?, version = version + 1, updated_at = ?
  WHERE schedule_id = ? AND version = ?`;
const REVISION = "SELECT revision FROM schedules WHERE schedule_id = ?";
// Skipped ones continue the newest record when that says the same of the ones before them.
const CONTINUE = `UPDATE occurrences SET to_at = ?, number = number + ?, accounted_at = ?
  WHERE seq = (SELECT max(seq) FROM occurrences WHERE schedule_id = ?) AND outcome = 'skipped' AND source = ? AND reason = ?
  AND revision = ? AND fire_key IS NULL`;
const SETTLE = `UPDATE occurrences SET outcome = ?, reason = ?, task_id = ?, tracked = ?, accounted_at = ?
  WHERE schedule_id = ? AND fire_key = ? AND outcome = 'held'`;
const INSERT = `INSERT INTO occurrences (schedule_id, at, to_at, number, source, outcome, reason, fire_key, task_id, tracked, revision,
  accounted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
// Tasks that have ended need not be looked at again.
const UNTRACK = `UPDATE occurrences SET tracked = 0 WHERE schedule_id = ? AND tracked = 1
  AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.task_id = occurrences.task_id AND t.ended IS NULL)`;

type Record = (id: string, revision: number, record: NewOccurrence, taskId: string | null, now: number) => void;

export function createAccount(session: Session): (accounting: Accounting) => Accounted {
  const { db, clock } = session;
  const advance = db.prepare(ADVANCE);
  const revisionOf = prepareQuery<[string], { revision: number }>(db, REVISION);
  const untrack = db.prepare(UNTRACK);
  const enqueue = createEnqueue(session);
  const write = createRecord(db);
  return ({ scheduleId, version, accountedTo, nextAt, dueAt, records }) => {
    const now = clock.now();
    const id = packText(scheduleId);
    if (advance.run(accountedTo, nextAt, dueAt, now, id, version).changes === 0)
      return { ok: false, reason: "changed" };
    const { revision } = revisionOf.get(id)!;
    const started: Enqueued[] = [];
    if (records.some(({ tracked }) => tracked)) untrack.run(id);
    for (const record of records) {
      const enqueued = record.task === null ? null : enqueue(record.task);
      if (enqueued) started.push(enqueued);
      write(id, revision, record, enqueued?.taskId ?? null, now);
    }
    return { ok: true, started };
  };
}

function createRecord(db: Database.Database): Record {
  const goOn = db.prepare(CONTINUE);
  const settle = db.prepare(SETTLE);
  const insert = db.prepare(INSERT);
  return (id, revision, record, taskId, now) => {
    const { at, to, count, source, outcome, reason } = record;
    const key = packTextOrNull(record.fireKey);
    const tracked = record.tracked ? 1 : 0;
    if (key !== null && settle.run(outcome, reason, taskId, tracked, now, id, key).changes > 0) return;
    if (key === null && goOn.run(to, count, now, id, source, reason, revision).changes > 0) return;
    insert.run(id, at, to, count, source, outcome, reason, key, taskId, tracked, revision, now);
  };
}
