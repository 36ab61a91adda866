// A task's checkpoints: each name is written at most once, numbered without gaps in the order of writing. Names are in stored form.
import type Database from "better-sqlite3";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { CheckpointKind, Recorded } from "../../src/ports/store-types.ts";
import { prepareQuery } from "./query.ts";
import { unpackText } from "../rows/stored-text.ts";

const FIND = "SELECT name, kind, value FROM checkpoints WHERE task_id = ? AND name = ?";
const ALL = "SELECT name, kind, value FROM checkpoints WHERE task_id = ? ORDER BY seq";
const INSERT = `INSERT INTO checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms, position, value)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (task_id, name) DO NOTHING`;
const NEWEST_RUN = `SELECT n.run_id AS runId, n.attempt, n.recorded FROM tasks t JOIN runs n ON n.run_id = t.last_run_id WHERE t.task_id = ?`;
const COUNT = "UPDATE runs SET recorded = ? WHERE run_id = ?";

export interface NewCheckpoint {
  readonly taskId: TaskId;
  readonly runId: RunId;
  readonly attempt: number;
  readonly seq: number;
  readonly name: string;
  readonly kind: CheckpointKind;
  readonly value: string;
  readonly now: number;
  readonly durationMs?: number;
  readonly position?: string | null;
}

export interface Recorder {
  find(taskId: TaskId, name: string): Recorded | null;
  /** In recorded order. */
  all(taskId: TaskId): Recorded[];
  /** Writes under a number the caller has drawn; false when the name is there already. */
  insert(checkpoint: NewCheckpoint): boolean;
  /** Writes a resolved wait under the next number of the task's newest run. */
  append(taskId: TaskId, name: string, kind: CheckpointKind, value: string, now: number): void;
}

export function createRecorder(db: Database.Database): Recorder {
  const find = prepareQuery<[string, string], Recorded>(db, FIND);
  const all = prepareQuery<[string], Recorded>(db, ALL);
  const insert = db.prepare(INSERT);
  const newestRun = prepareQuery<[string], { runId: RunId; attempt: number; recorded: number }>(db, NEWEST_RUN);
  const count = db.prepare(COUNT);
  const unpack = (row: Recorded): Recorded => ({ name: unpackText(row.name), kind: row.kind, value: row.value });
  const recorder: Recorder = {
    find(taskId, name) {
      const row = find.get(taskId, name);
      return row ? unpack(row) : null;
    },
    all: (taskId) => all.all(taskId).map(unpack),
    insert({ taskId, name, seq, kind, runId, attempt, now, durationMs = 0, position = null, value }) {
      return insert.run(taskId, name, seq, kind, runId, attempt, now, durationMs, position, value).changes > 0;
    },
    append(taskId, name, kind, value, now) {
      const newest = newestRun.get(taskId);
      if (!newest) return;
      const { runId, attempt } = newest;
      const seq = newest.recorded + 1;
      if (recorder.insert({ taskId, runId, attempt, seq, name, kind, value, now })) count.run(seq, runId);
    },
  };
  return recorder;
}
