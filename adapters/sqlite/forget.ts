// Retention: deletes finished tasks with all that belongs to them. Their start keys stay and keep the ids they answer with.
import type Database from "better-sqlite3";
import type { TaskId } from "../../src/core/ids.ts";
import { prepareQuery } from "./query.ts";

// The index carries the time, so that a pass that finds nothing reads no row.
const FINISHED = `SELECT task_id FROM tasks INDEXED BY tasks_by_end WHERE ended IS NOT NULL AND finished_at < ? LIMIT ?`;
const KEEP_KEY = `UPDATE start_keys SET run_id = t.last_run_id, attempt = t.attempts FROM tasks t
  WHERE t.task_id = ? AND t.idempotency_key IS NOT NULL AND start_keys.queue = t.queue AND start_keys.key = t.idempotency_key`;
const DELETE_ALL = ["logs", "effects", "checkpoints", "waits", "runs", "tasks"].map(
  (table) => `DELETE FROM ${table} WHERE task_id = ?`,
);

/** Deletes up to `limit` tasks that finished before `beforeMs`; answers how many. */
export function createForget(db: Database.Database): (beforeMs: number, limit: number) => number {
  const finished = prepareQuery<[number, number], { task_id: TaskId }>(db, FINISHED);
  const steps = [KEEP_KEY, ...DELETE_ALL].map((sql) => db.prepare<[string]>(sql));
  return (beforeMs, limit) => {
    const tasks = finished.all(beforeMs, limit);
    for (const { task_id } of tasks) for (const step of steps) step.run(task_id);
    return tasks.length;
  };
}
