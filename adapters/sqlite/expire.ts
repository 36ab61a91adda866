// Ends claims that no live process holds as failed attempts: leases that passed, or, for the one owner of this file, every claim of
// an earlier process. The next attempt is due at once.
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { Expired, ExpireRequest } from "../../src/ports/store-types.ts";
import { packFailure, unpackText } from "./codec.ts";
import type { Endings } from "./endings.ts";
import type { Session } from "./session.ts";

const CLAIMED = `SELECT r.run_id, r.task_id, r.attempt, r.queue, r.recorded, t.workflow_name
  FROM runs r INDEXED BY runs_claimed CROSS JOIN tasks t ON t.task_id = r.task_id WHERE r.state = 'running'`;
export const LAPSED = `${CLAIMED} AND r.lease_until <= ? ORDER BY r.lease_until, r.run_id LIMIT ?`;
export const FOREIGN = `${CLAIMED} AND substr(r.claim_token, 1, length(?1)) <> ?1 ORDER BY r.lease_until, r.run_id LIMIT ?2`;
const FAIL_RUN = `UPDATE runs SET state = 'failed', failure = ?2, claim_token = NULL, lease_until = NULL, finished_at = ?1,
  updated_at = ?1 WHERE run_id = ?3`;

interface ClaimedRow {
  readonly run_id: RunId;
  readonly task_id: TaskId;
  readonly attempt: number;
  readonly queue: string;
  readonly recorded: number;
  readonly workflow_name: string;
}

export function createExpire({ db, clock }: Session, endings: Endings): (request: ExpireRequest) => Expired[] {
  const lapsed = db.prepare<[number, number], ClaimedRow>(LAPSED);
  const foreign = db.prepare<[string, number], ClaimedRow>(FOREIGN);
  const failRun = db.prepare(FAIL_RUN);
  return ({ scope, owner, failure, limit }) => {
    const now = clock.now();
    const text = packFailure(failure);
    const rows = scope === "lapsed" ? lapsed.all(now, limit) : foreign.all(`${owner}:`, limit);
    return rows.map((row) => {
      failRun.run(now, text, row.run_id);
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
