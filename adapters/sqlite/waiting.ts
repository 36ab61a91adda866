// How a wait ends: its result becomes a checkpoint, its row goes, and the run that slept on it becomes due, all in the transaction of
// whatever ended it. A run that is awake, or sleeping between two attempts, is left as it is and finds the checkpoint later.
import type Database from "better-sqlite3";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import { NULL_JSON, toJsonText, type JsonText } from "../../src/core/json-text.ts";
import type { CheckpointKind, Emitted, Wait } from "../../src/ports/store-types.ts";
import { type WaitRow } from "./codec.ts";
import { prepareQuery } from "./query.ts";
import type { Recorder } from "./recorder.ts";
import { unpackText } from "../rows/stored-text.ts";

export const WAITERS = "SELECT task_id, step FROM waits WHERE target = ? AND kind = ? ORDER BY task_id, step";
const LAPSED = `SELECT step, kind, target, deadline_at, created_at FROM waits WHERE task_id = ? AND deadline_at <= ?
  ORDER BY deadline_at, step`;
const DELETE_WAIT = "DELETE FROM waits WHERE task_id = ? AND step = ?";
const DELETE_WAITS = "DELETE FROM waits WHERE task_id = ?";
// A run that was never started sleeps for its back-off, not for a wait.
const WAKE = `UPDATE runs SET state = 'pending', available_at = ?, updated_at = ?
  WHERE run_id = (SELECT last_run_id FROM tasks WHERE task_id = ?) AND state = 'sleeping' AND started_at IS NOT NULL
  RETURNING run_id AS runId, task_id AS taskId, queue`;

export type Woken = Emitted["woken"][number];

export interface Waiting {
  /** Ends every wait on this event or task; answers the runs that became due. `target` is in stored form, `value` is asked only when somebody waits. */
  resolve(kind: "event" | "task", target: string, value: () => string, now: number): Woken[];
  /** Ends this task's waits whose deadline has passed. */
  lapse(taskId: TaskId, now: number): void;
  /** Ends one wait of a run that is awake. */
  end(taskId: TaskId, step: string, kind: CheckpointKind, value: string, now: number): void;
  /** Drops all waits of a task that ended. */
  drop(taskId: TaskId): void;
}

export function createWaiting(db: Database.Database, recorder: Recorder): Waiting {
  const waiters = prepareQuery<[string, string], { task_id: TaskId; step: string }>(db, WAITERS);
  const lapsed = prepareQuery<[string, number], WaitRow>(db, LAPSED);
  const deleteWait = db.prepare(DELETE_WAIT);
  const deleteWaits = db.prepare(DELETE_WAITS);
  const wake = db.prepare<[number, number, string], { runId: RunId; taskId: TaskId; queue: string }>(WAKE);
  const waiting: Waiting = {
    resolve(kind, target, value, now) {
      const woken: Woken[] = [];
      for (const { task_id, step } of waiters.all(target, kind)) {
        waiting.end(task_id, step, kind, value(), now);
        const run = wake.get(now, now, task_id);
        if (run) woken.push({ ...run, queue: unpackText(run.queue) });
      }
      return woken;
    },
    lapse(taskId, now) {
      for (const row of lapsed.all(taskId, now)) {
        const ended = deadlineResult(row.kind, row.deadline_at!);
        waiting.end(taskId, row.step, ended.kind, ended.value, now);
      }
    },
    end(taskId, step, kind, value, now) {
      recorder.append(taskId, step, kind, value, now);
      deleteWait.run(taskId, step);
    },
    drop: (taskId) => void deleteWaits.run(taskId),
  };
  return waiting;
}

/** What a wait's deadline leaves behind: a sleep ends with its wake time, any other wait times out. */
export function deadlineResult(kind: Wait["kind"], deadlineAt: number): { kind: CheckpointKind; value: JsonText } {
  if (kind !== "sleep") return { kind: "timeout", value: NULL_JSON };
  return { kind: "sleep", value: toJsonText(new Date(deadlineAt).toISOString()) };
}
