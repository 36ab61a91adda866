// The ends of tasks and of attempts. A task's end closes its waits and wakes whoever awaits it, in the same transaction; a failed
// attempt is followed by the next one while there is one left.
import type Database from "better-sqlite3";
import type { IdSource, RunId, TaskId } from "../../src/core/ids.ts";
import { mayRetry } from "../../src/core/retry.ts";
import type { State, TERMINAL_STATES } from "../../src/core/states.ts";
import { prepareQuery } from "./query.ts";
import type { Waiting } from "./waiting.ts";
import { unpackTextOrNull } from "../rows/stored-text.ts";

const END_TASK = `UPDATE tasks SET ended = ?, output = ?, finished_at = ? WHERE task_id = ? RETURNING workflow_name`;
const LIMITS = "SELECT max_attempts FROM tasks WHERE task_id = ?";
const INSERT_RUN = `INSERT INTO runs (run_id, task_id, attempt, queue, state, available_at, recorded, created_at, updated_at, pinned)
  SELECT ?, task_id, ?, queue, ?, ?, recorded, ?, ?, pinned FROM runs WHERE run_id = ?`;
const POINT_TASK = "UPDATE tasks SET last_run_id = ?, attempts = ? WHERE task_id = ?";
const OUTCOME = `SELECT t.workflow_name, t.ended, t.last_run_id AS run_id, t.output, n.failure
  FROM tasks t JOIN runs n ON n.run_id = t.last_run_id WHERE t.task_id = ?`;

type EndState = (typeof TERMINAL_STATES)[number];

/** A run that has just ended, as its closing statement returned it. */
export interface EndedRun {
  readonly run_id: RunId;
  readonly task_id: TaskId;
  readonly attempt: number;
  readonly queue: string;
  readonly recorded: number;
}

interface Outcome {
  readonly workflow_name: string | null;
  readonly ended: EndState | "not_found" | null;
  readonly run_id: RunId | null;
  readonly output: string | null;
  readonly failure: string | null;
}

/** Awaiting a task that was never there, or that retention has deleted, must not sleep for ever. */
const UNKNOWN: Outcome = { workflow_name: null, ended: "not_found", run_id: null, output: null, failure: null };

export interface NextAttempt {
  readonly runId: RunId;
  readonly attempt: number;
  readonly at: number;
}

export interface Endings {
  /** The task of this run ends with it. Failure is JSON text. */
  end(run: EndedRun, ended: EndState, output: string | null, failure: string | null, now: number): void;
  /** This run has failed: the next attempt in `delayMs`, or the task's end when there is none left or delayMs is null. */
  failed(run: EndedRun, failure: string, delayMs: number | null, now: number): NextAttempt | null;
  /** One more run of a task, due in `delayMs`. */
  addRun(after: EndedRun, delayMs: number, now: number): NextAttempt;
  /** How a task ended, as the value an awaiting run gets; null while it has not. A task that is not (or no longer) in the store has the status not_found. */
  outcome(taskId: string): string | null;
}

export function createEndings(db: Database.Database, ids: IdSource, waiting: Waiting): Endings {
  const endTask = db.prepare<unknown[], { workflow_name: string }>(END_TASK);
  const limits = prepareQuery<[string], { max_attempts: number }>(db, LIMITS);
  const insertRun = db.prepare(INSERT_RUN);
  const pointTask = db.prepare(POINT_TASK);
  const outcome = prepareQuery<[string], Outcome>(db, OUTCOME);
  const endings: Endings = {
    end({ task_id, run_id }, ended, output, failure, now) {
      const { workflow_name } = endTask.get(ended, output, now, task_id)!;
      waiting.drop(task_id);
      const value = (): string => outcomeJson(task_id, { workflow_name, ended, run_id, output, failure });
      waiting.resolve("task", task_id, value, now);
    },
    failed(run, failure, delayMs, now) {
      const { max_attempts } = limits.get(run.task_id)!;
      if (delayMs !== null && mayRetry(run.attempt, max_attempts)) return endings.addRun(run, delayMs, now);
      endings.end(run, "failed", null, failure, now);
      return null;
    },
    addRun(after, delayMs, now) {
      const runId = ids.next() as RunId;
      const attempt = after.attempt + 1;
      const at = now + Math.ceil(Math.max(0, delayMs));
      const state: State = at > now ? "sleeping" : "pending";
      insertRun.run(runId, attempt, state, at, now, now, after.run_id);
      pointTask.run(runId, attempt, after.task_id);
      return { runId, attempt, at };
    },
    outcome(taskId) {
      const row = outcome.get(taskId);
      if (!row) return outcomeJson(taskId, UNKNOWN);
      return row.ended === null ? null : outcomeJson(taskId, row);
    },
  };
  return endings;
}

/** Output and failure are embedded as the texts they are, never parsed. */
function outcomeJson(taskId: string, { run_id, workflow_name, ended, output, failure }: Outcome): string {
  const name = JSON.stringify(unpackTextOrNull(workflow_name));
  const ids = `"task_id":${JSON.stringify(taskId)},"run_id":${JSON.stringify(run_id)}`;
  return `{${ids},"workflow_name":${name},"status":"${ended}","output":${output ?? "null"},"failure":${failure ?? "null"}}`;
}
