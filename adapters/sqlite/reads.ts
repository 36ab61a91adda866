// Tasks, runs, checkpoints and waits as they stand after the last commit. Lists are in list.ts.
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { TaskReads } from "../../src/ports/store.ts";
import {
  checkpointOf,
  packText,
  RUN_COLUMNS,
  runOf,
  stateColumns,
  TASK_COLUMNS,
  taskOf,
  waitOf,
  type CheckpointRow,
  type RunRow,
  type TaskRow,
  type WaitRow,
} from "./codec.ts";
import { createCounts } from "./counts.ts";
import { createList } from "./list.ts";
import { prepareQuery } from "./query.ts";
import { read, type Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

const FIND = `SELECT ${TASK_COLUMNS}, ${stateColumns("n")}, ${RUN_COLUMNS} FROM tasks t JOIN runs n ON n.run_id = t.last_run_id
  JOIN runs r ON r.task_id = t.task_id`;
const BY_TASK = `${FIND} WHERE t.task_id = ? AND r.run_id = t.last_run_id`;
const BY_RUN = `${FIND} WHERE r.run_id = ?`;
const RUNS = `SELECT ${RUN_COLUMNS} FROM runs r WHERE r.task_id = ? ORDER BY r.attempt`;
const CHECKPOINTS = `SELECT name, kind, value, seq, owner_run_id, attempt, created_at, duration_ms, position FROM checkpoints
  WHERE task_id = ? ORDER BY seq`;
const WAITS = `SELECT step, kind, target, deadline_at, created_at FROM waits WHERE task_id = ? ORDER BY created_at, step`;
export const ACTIVE_NAMES = `SELECT DISTINCT workflow_name FROM tasks INDEXED BY tasks_by_end WHERE ended IS NULL`;
export const ACTIVE_OF = `SELECT task_id FROM tasks INDEXED BY tasks_by_end WHERE ended IS NULL AND workflow_name = ?
  ORDER BY task_id LIMIT ?`;

export function createReads(session: Session): TaskReads {
  const { db } = session;
  const byTask = prepareQuery<[string], TaskRow & RunRow>(db, BY_TASK);
  const byRun = prepareQuery<[string], TaskRow & RunRow>(db, BY_RUN);
  const runs = prepareQuery<[string], RunRow>(db, RUNS);
  const checkpoints = prepareQuery<[string], CheckpointRow>(db, CHECKPOINTS);
  const waits = prepareQuery<[string], WaitRow>(db, WAITS);
  const activeNames = prepareQuery<[], { workflow_name: string }>(db, ACTIVE_NAMES);
  const activeOf = prepareQuery<[string, number], { task_id: TaskId }>(db, ACTIVE_OF);
  const counts = createCounts(db);
  const list = createList(db);
  return {
    find: (id) =>
      read(session, () => {
        const row = byTask.get(id as TaskId) ?? byRun.get(id as RunId);
        return row ? { task: taskOf(row), run: runOf(row) } : null;
      }),
    list: (filter) => read(session, () => list(filter)),
    runs: (taskId) => read(session, () => runs.all(taskId).map(runOf)),
    checkpoints: (taskId) => read(session, () => checkpoints.all(taskId).map(checkpointOf)),
    waits: (taskId) => read(session, () => waits.all(taskId).map(waitOf)),
    activeNames: () => read(session, () => activeNames.all().map((row) => unpackText(row.workflow_name))),
    activeOf: (name, limit) => read(session, () => activeOf.all(packText(name), limit).map((row) => row.task_id)),
    counts: () => read(session, counts),
  };
}
