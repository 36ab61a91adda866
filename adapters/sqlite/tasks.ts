// A task's beginning, and the ends that come from outside a claim: cancel, retry, retention.
import type Database from "better-sqlite3";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import { isTerminal, type State } from "../../src/core/states.ts";
import type { TaskTransitions } from "../../src/ports/store.ts";
import type { Cancelled, Enqueued, NewTask, Retried } from "../../src/ports/store-types.ts";
import { packJson, packText, packTextOrNull } from "./codec.ts";
import type { EndedRun, Endings } from "./endings.ts";
import { createForget } from "./forget.ts";
import { prepareQuery } from "./query.ts";
import { each, type Session } from "./session.ts";

const KEY_TAKEN = "SELECT task_id, run_id, attempt FROM start_keys WHERE queue = ? AND key = ?";
const TAKE_KEY = "INSERT INTO start_keys (queue, key, task_id) VALUES (?, ?, ?)";
const NEWEST = "SELECT last_run_id AS run_id, attempts AS attempt FROM tasks WHERE task_id = ?";
const INSERT_TASK = `INSERT INTO tasks (task_id, queue, workflow_name, idempotency_key, max_attempts, attempts, last_run_id, cause_kind,
  cause_ref, parent_task_id, harness_type, created_at, input) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)`;
const INSERT_RUN = `INSERT INTO runs (run_id, task_id, attempt, queue, state, available_at, recorded, created_at, updated_at)
  VALUES (?, ?, 1, ?, 'pending', ?, 0, ?, ?)`;
const NEWEST_RUN = `SELECT n.run_id, n.task_id, n.attempt, n.queue, n.recorded, n.state
  FROM tasks t JOIN runs n ON n.run_id = t.last_run_id WHERE t.task_id = ?`;
const CANCEL_RUN = `UPDATE runs SET state = 'cancelled', claim_token = NULL, lease_until = NULL, finished_at = ?, updated_at = ?
  WHERE run_id = ?`;
const REOPEN = `UPDATE tasks SET ended = NULL, finished_at = NULL, max_attempts = max(max_attempts, ?) WHERE task_id = ?`;
const UNPIN = "UPDATE runs SET pinned = NULL WHERE run_id = ?";

interface StartKey {
  readonly task_id: TaskId;
  readonly run_id: RunId | null;
  readonly attempt: number | null;
}

type NewestRun = EndedRun & { readonly state: State };

export function createTasks(session: Session, endings: Endings): Omit<TaskTransitions, "fork"> {
  const { db, clock } = session;
  const enqueue = createEnqueue(session);
  const newestRun = prepareQuery<[string], NewestRun>(db, NEWEST_RUN);
  const cancelRun = db.prepare(CANCEL_RUN);
  const reopen = db.prepare(REOPEN);
  const unpin = db.prepare(UNPIN);
  const forget = createForget(db);

  const cancel = (taskId: TaskId): Cancelled => {
    const run = newestRun.get(taskId);
    if (!run) return { ok: false, reason: "not_found" };
    const answer = { ok: true, taskId, runId: run.run_id } as const;
    if (isTerminal(run.state)) return { ...answer, changed: false, state: run.state };
    const now = clock.now();
    cancelRun.run(now, now, run.run_id);
    endings.end(run, "cancelled", null, null, now);
    return { ...answer, changed: true, state: "cancelled" };
  };

  const retry = (taskId: TaskId, unpinned: boolean): Retried => {
    const run = newestRun.get(taskId);
    if (!run) return { ok: false, reason: "not_found" };
    if (run.state !== "failed") return { ok: false, reason: "not_failed", state: run.state };
    reopen.run(run.attempt + 1, taskId);
    const { runId, attempt } = endings.addRun(run, 0, clock.now());
    if (unpinned) unpin.run(runId);
    return { ok: true, taskId, runId, attempt };
  };

  return {
    enqueue: (tasks) => each(session, tasks, enqueue),
    cancel: (taskIds) => each(session, taskIds, cancel),
    retry: (taskIds, options) => each(session, taskIds, (taskId) => retry(taskId, options?.unpin ?? false)),
    forget: (beforeMs, limit) => session.commits.add(() => forget(beforeMs, limit)),
  };
}

/** One enqueue, inside whatever transaction is open. */
export function createEnqueue({ db, clock, ids }: Session): (task: NewTask) => Enqueued {
  const keyTaken = prepareQuery<[string, string], StartKey>(db, KEY_TAKEN);
  const takeKey = db.prepare(TAKE_KEY);
  const insertTask = db.prepare(INSERT_TASK);
  const insertRun = db.prepare(INSERT_RUN);
  const earlier = createEarlier(db);
  return (task) => {
    const queue = packText(task.queue);
    const key = packTextOrNull(task.idempotencyKey);
    const taken = key === null ? undefined : keyTaken.get(queue, key);
    if (taken) return earlier(taken);
    const now = clock.now();
    const taskId = ids.next() as TaskId;
    const runId = ids.next() as RunId;
    insertTask.run(
      taskId,
      queue,
      packText(task.workflowName),
      key,
      task.maxAttempts,
      runId,
      task.cause.kind,
      packTextOrNull(task.cause.ref),
      task.parentTaskId ?? null,
      packTextOrNull(task.harnessType),
      now,
      packJson(task.input),
    );
    insertRun.run(runId, taskId, queue, now, now, now);
    if (key !== null) takeKey.run(queue, key, taskId);
    return { taskId, runId, attempt: 1, created: true };
  };
}

/** The task that a start key belongs to, also when retention has deleted it. */
function createEarlier(db: Database.Database): (taken: StartKey) => Enqueued {
  const newest = prepareQuery<[string], { run_id: RunId; attempt: number }>(db, NEWEST);
  return ({ task_id, run_id, attempt }) => {
    const last = newest.get(task_id) ?? { run_id: run_id!, attempt: attempt! };
    return { taskId: task_id, runId: last.run_id, attempt: last.attempt, created: false };
  };
}
