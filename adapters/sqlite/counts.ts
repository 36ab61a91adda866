// How many tasks are in each state, by queue and workflow. Finished tasks are counted in the order of their index, without a sort,
// because there may be many; that order holds a workflow's queues together, so a workflow of several queues is counted once more.
import type Database from "better-sqlite3";
import type { State } from "../../src/core/states.ts";
import { prepareQuery } from "./query.ts";
import { unpackText } from "../rows/stored-text.ts";

const LIVE = `SELECT t.queue, n.state, t.workflow_name, count(*) AS count FROM tasks t INDEXED BY tasks_by_end
  JOIN runs n ON n.run_id = t.last_run_id WHERE t.ended IS NULL GROUP BY t.queue, n.state, t.workflow_name`;
export const ENDED = `SELECT ended AS state, workflow_name, min(queue) AS queue, max(queue) AS last_queue, count(*) AS count
  FROM tasks INDEXED BY tasks_by_end WHERE ended IS NOT NULL GROUP BY ended, workflow_name`;
const BY_QUEUE = `SELECT queue, ended AS state, workflow_name, count(*) AS count FROM tasks INDEXED BY tasks_by_end
  WHERE ended = ? AND workflow_name = ? GROUP BY queue`;

interface Row {
  readonly queue: string;
  readonly state: State;
  readonly workflow_name: string;
  readonly count: number;
}

export interface Count {
  readonly queue: string;
  readonly state: State;
  readonly workflowName: string;
  readonly count: number;
}

export function createCounts(db: Database.Database): () => Count[] {
  const live = prepareQuery<[], Row>(db, LIVE);
  const ended = prepareQuery<[], Row & { readonly last_queue: string }>(db, ENDED);
  const byQueue = prepareQuery<[string, string], Row>(db, BY_QUEUE);
  return () => {
    const rows = ended
      .all()
      .flatMap((row) => (row.queue === row.last_queue ? [row] : byQueue.all(row.state, row.workflow_name)));
    return [...live.all(), ...rows].map(({ queue, state, workflow_name, count }) => ({
      queue: unpackText(queue),
      state,
      workflowName: unpackText(workflow_name),
      count,
    }));
  };
}
