// Rows of another store as rows of this one. What this schema derives (a run's queue, the number of the last checkpoint) it derives again.
import type Database from "better-sqlite3";
import { packSource } from "../../src/core/source-code.ts";
import { isTerminal } from "../../src/core/states.ts";
import type { TransferKind, TransferRows } from "../../src/ports/store-transfer.ts";
import type { Task } from "../../src/ports/store-types.ts";
import { generationValues } from "./code.ts";
import { packFailure, packJson, packText, packTextOrNull } from "./codec.ts";
import { deliveryValues, INSERT_DELIVERY, INSERT_DELIVERY_KEY } from "./deliveries.ts";
import { effectValues, INSERT_EFFECT } from "./effects.ts";
import { COPY_OCCURRENCE, COPY_SCHEDULE, occurrenceValues, scheduleValues } from "./schedule-codec.ts";

const TASK = `INSERT INTO tasks (task_id, queue, workflow_name, idempotency_key, max_attempts, attempts, last_run_id, ended, cause_kind,
  cause_ref, parent_task_id, harness_type, created_at, finished_at, input, output) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
// The newest run carries its task's pin and the time of its last change, an earlier one that of its own end.
const TOUCHED =
  "CREATE TEMP TABLE touched (run_id TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL, pinned TEXT) WITHOUT ROWID";
const TOUCH = "INSERT INTO temp.touched (run_id, at, pinned) VALUES (?, ?, ?)";
const RUN = `INSERT INTO runs (run_id, task_id, attempt, queue, state, available_at, recorded, generation, created_at, updated_at,
  started_at, finished_at, failure, pinned)
  SELECT @runId, @taskId, @attempt, t.queue, @state, @availableAt, 0, @generation, @createdAt,
    coalesce((SELECT at FROM temp.touched WHERE run_id = @runId), @finishedAt, @createdAt), @startedAt, @finishedAt, @failure,
    (SELECT pinned FROM temp.touched WHERE run_id = @runId)
  FROM tasks t WHERE t.task_id = @taskId`;
const CHECKPOINT = `INSERT INTO checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms, position, value)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const WAIT = "INSERT INTO waits (task_id, step, kind, target, deadline_at, created_at) VALUES (?, ?, ?, ?, ?, ?)";
const EVENT = "INSERT INTO events (name, payload, emitted_at) VALUES (?, ?, ?)";
const START_KEY = "INSERT INTO start_keys (queue, key, task_id, run_id, attempt) VALUES (?, ?, ?, ?, ?)";
const LOG =
  "INSERT INTO logs (id, task_id, run_id, at, level, source, message, fields) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
const SOURCE = "INSERT INTO sources (sha256, size, stored_at, packed) VALUES (?, ?, ?, ?)";
const GENERATION = `INSERT INTO generations (id, dirs, files, workflows, chiron_version, python_version, first_served_at, last_served_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
/** Run at the beginning: what a process that was started once on this store keeps of its code goes; nothing that ran refers to it. */
export const BEGIN = "DELETE FROM generations; DELETE FROM sources";
/** Run at the end: every run knows how far its task's recorded sequence goes. */
export const FINISH = `UPDATE runs SET recorded = coalesce((SELECT max(seq) FROM checkpoints c WHERE c.task_id = runs.task_id), 0);
  DROP TABLE IF EXISTS temp.touched`;

export type Writers = { readonly [K in TransferKind]: (row: TransferRows[K]) => void };

export function createWriters(db: Database.Database): Writers {
  db.exec(TOUCHED);
  const prepare = (sql: string) => db.prepare<unknown[]>(sql);
  const task = prepare(TASK);
  const touch = prepare(TOUCH);
  const run = prepare(RUN);
  const checkpoint = prepare(CHECKPOINT);
  const wait = prepare(WAIT);
  const event = prepare(EVENT);
  const startKey = prepare(START_KEY);
  const log = prepare(LOG);
  const source = prepare(SOURCE);
  const generation = prepare(GENERATION);
  const schedule = prepare(COPY_SCHEDULE);
  const occurrence = prepare(COPY_OCCURRENCE);
  const effect = prepare(INSERT_EFFECT);
  return {
    tasks(row) {
      task.run(...taskValues(row));
      touch.run(row.lastRunId, row.updatedAt, packTextOrNull(row.pinnedGeneration));
    },
    runs(row) {
      const failure = row.failure === null ? null : packFailure(row.failure);
      run.run({ ...row, generation: packTextOrNull(row.generation), failure });
    },
    checkpoints(row) {
      const { taskId, name, seq, kind, ownerRunId, attempt, createdAt, durationMs, position, value } = row;
      const place = packTextOrNull(position);
      checkpoint.run(
        taskId,
        packText(name),
        seq,
        kind,
        ownerRunId,
        attempt,
        createdAt,
        durationMs,
        place,
        packJson(value),
      );
    },
    waits: ({ taskId, step, kind, target, deadlineAt, createdAt }) =>
      void wait.run(taskId, packText(step), kind, packTextOrNull(target), deadlineAt, createdAt),
    events: ({ name, payload, emittedAt }) => void event.run(packText(name), packJson(payload), emittedAt),
    startKeys: ({ queue, key, taskId, runId, attempt }) =>
      void startKey.run(packText(queue), packText(key), taskId, runId, attempt),
    logs({ id, taskId, runId, at, level, source, message, fields }) {
      log.run(id, taskId, runId, at, level, source, packText(message), fields === null ? null : packJson(fields));
    },
    sources({ sha256, storedAt, content }) {
      const { size, packed } = packSource(sha256, Buffer.from(content, "base64"));
      source.run(sha256, size, storedAt, packed);
    },
    generations: (row) => void generation.run(...generationValues(row, row.firstServedAt, row.lastServedAt)),
    effects: (row) => void effect.run(...effectValues(row)),
    schedules: (row) => void schedule.run(...scheduleValues(row)),
    occurrences: (row) => void occurrence.run(...occurrenceValues(row)),
    ...deliveryWriters(db),
  };
}

function deliveryWriters(db: Database.Database): Pick<Writers, "deliveries" | "deliveryKeys"> {
  const delivery = db.prepare<unknown[]>(INSERT_DELIVERY);
  const key = db.prepare<unknown[]>(INSERT_DELIVERY_KEY);
  return {
    deliveries: (row) => void delivery.run(...deliveryValues(row), Buffer.from(row.body, "base64")),
    deliveryKeys: (row) => void key.run(packText(row.key), row.bodySha256),
  };
}

function taskValues(task: Task): unknown[] {
  return [
    task.taskId,
    packText(task.queue),
    packText(task.workflowName),
    packTextOrNull(task.idempotencyKey),
    task.maxAttempts,
    task.attempts,
    task.lastRunId,
    isTerminal(task.state) ? task.state : null,
    task.cause.kind,
    packTextOrNull(task.cause.ref),
    task.parentTaskId,
    packTextOrNull(task.harnessType),
    task.createdAt,
    task.finishedAt,
    packJson(task.input),
    task.output === null ? null : packJson(task.output),
  ];
}
