// What tells a person why a run does not go on: claims of a queue, due runs before one, names of events around one.
import type { RunId, TaskId } from "../../src/core/ids.ts";
import { LANE_LIMIT, type StoreInsight } from "../../src/ports/store-insight.ts";
import { packText } from "./codec.ts";
import { prepareQuery } from "./query.ts";
import { read, type Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

const HOLDERS = `SELECT r.run_id, r.task_id, t.workflow_name, r.claim_token, r.lease_until, r.started_at
  FROM runs r INDEXED BY runs_claimed CROSS JOIN tasks t ON t.task_id = r.task_id
  WHERE r.state = 'running' AND r.queue = ? ORDER BY r.started_at, r.run_id LIMIT ${LANE_LIMIT}`;
const AHEAD = `SELECT count(*) AS ahead FROM (SELECT 1 FROM runs r INDEXED BY runs_due
  WHERE r.queue = ? AND r.state IN ('pending', 'sleeping') AND (r.available_at, r.run_id) < (?, ?) LIMIT ${LANE_LIMIT})`;
const BEFORE = "SELECT name, emitted_at FROM events WHERE name < ? ORDER BY name DESC LIMIT ?";
const FROM = "SELECT name, emitted_at FROM events WHERE name >= ? ORDER BY name LIMIT ?";

interface HolderRow {
  readonly run_id: RunId;
  readonly task_id: TaskId;
  readonly workflow_name: string;
  readonly claim_token: string;
  readonly lease_until: number;
  readonly started_at: number | null;
}

interface EventRow {
  readonly name: string;
  readonly emitted_at: number;
}

export function createInsight(session: Session): StoreInsight {
  const { db } = session;
  const holders = prepareQuery<[string], HolderRow>(db, HOLDERS);
  const ahead = prepareQuery<[string, number, string], { ahead: number }>(db, AHEAD);
  const before = prepareQuery<[string, number], EventRow>(db, BEFORE);
  const from = prepareQuery<[string, number], EventRow>(db, FROM);
  return {
    lane: (queue, { runId, availableAt }) =>
      read(session, () => ({
        holders: holders.all(packText(queue)).map((row) => ({
          runId: row.run_id,
          taskId: row.task_id,
          workflowName: unpackText(row.workflow_name),
          owner: row.claim_token.slice(0, row.claim_token.lastIndexOf(":")),
          leaseUntil: row.lease_until,
          startedAt: row.started_at,
        })),
        ahead: availableAt === null ? 0 : ahead.get(packText(queue), availableAt, runId)!.ahead,
      })),
    eventsNear: (name, limit) =>
      read(session, () => {
        const packed = packText(name);
        const rows = [...before.all(packed, limit).toReversed(), ...from.all(packed, limit)];
        return rows.map((row) => ({ name: unpackText(row.name), emittedAt: row.emitted_at }));
      }),
  };
}
