// Ends claims that no live process holds as failed attempts: leases that passed, or, for the one owner of this file, every claim of
// an earlier process. The next attempt is due at once.
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { Expired, ExpireRequest } from "../../src/ports/store-types.ts";
import { packFailure } from "./codec.ts";
import type { Endings } from "./endings.ts";
import { prepareQuery } from "./query.ts";
import type { Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

const CLAIMED = `SELECT r.run_id, r.task_id, r.attempt, r.queue, r.recorded, t.workflow_name
  FROM runs r INDEXED BY runs_claimed CROSS JOIN tasks t ON t.task_id = r.task_id WHERE r.state = 'running'`;
export const LAPSED = `${CLAIMED} AND r.lease_until <= ? ORDER BY r.lease_until, r.run_id LIMIT ?`;
export const FOREIGN = `${CLAIMED} AND substr(r.claim_token, 1, length(?)) <> ? ORDER BY r.lease_until, r.run_id LIMIT ?`;
const FAIL_RUN = `UPDATE runs SET state = 'failed', failure = ?, claim_token = NULL, lease_until = NULL, finished_at = ?,
  updated_at = ? WHERE run_id = ?`;

interface ClaimedRow {
  readonly run_id: RunId;
  readonly task_id: TaskId;
  readonly attempt: number;
  readonly queue: string;
  readonly recorded: number;
  readonly workflow_name: string;
}

export function createExpire({ db, clock }: Session, endings: Endings): (request: ExpireRequest) => Expired[] {
  const lapsed = prepareQuery<[number, number], ClaimedRow>(db, LAPSED);
  const foreign = prepareQuery<[string, string, number], ClaimedRow>(db, FOREIGN);
  const failRun = db.prepare(FAIL_RUN);
  return ({ scope, owner, failure, limit }) => {
    const now = clock.now();
    const text = packFailure(failure);
    const rows = scope === "lapsed" ? lapsed.all(now, limit) : foreign.all(`${owner}:`, `${owner}:`, limit);
    return rows.map((row) => {
      failRun.run(text, now, now, row.run_id);
      const next = endings.failed(row, text, 0, now);
      return {
        runId: row.run_id,
        taskId: row.task_id,
        queue: unpackText(row.queue),
        workflowName: unpackText(row.workflow_name),
        attempt: row.attempt,
        taskState: next ? "pending" : "failed",
      };
    });
  };
}
