// Every row of a store, kind by kind, as the core types that the port speaks.
import type Database from "better-sqlite3";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { TransferKind, TransferRows } from "../../src/ports/store-transfer.ts";
import type { LogLine } from "../../src/ports/store-types.ts";
import { unpackSource } from "../../src/core/source-code.ts";
import { generationOf, type GenerationRow, type SourceRow } from "./code.ts";
import { OCCURRENCE_COLUMNS, SCHEDULE_COLUMNS } from "./schedule-codec.ts";
import {
  checkpointOf,
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
import { DELIVERY_COLUMNS } from "./deliveries.ts";
import { EFFECT_COLUMNS } from "./effects.ts";
import { deliveryOf, type DeliveryRow } from "../rows/deliveries.ts";
import { effectOf, type EffectRow } from "../rows/effects.ts";
import { trackedOccurrenceOf, type ScheduleDbRow, scheduleOf } from "../rows/schedules.ts";
import { unpackText } from "../rows/stored-text.ts";

const TASKS = `SELECT ${TASK_COLUMNS}, ${stateColumns("n")} FROM tasks t JOIN runs n ON n.run_id = t.last_run_id ORDER BY t.task_id`;
const RUNS = `SELECT ${RUN_COLUMNS} FROM runs r ORDER BY r.task_id, r.attempt`;
const CHECKPOINTS = `SELECT task_id, name, kind, value, seq, owner_run_id, attempt, created_at, duration_ms, position
  FROM checkpoints ORDER BY task_id, seq`;
const WAITS = "SELECT task_id, step, kind, target, deadline_at, created_at FROM waits ORDER BY task_id, step";
const EVENTS = "SELECT name, payload, emitted_at FROM events ORDER BY name";
const START_KEYS = "SELECT queue, key, task_id, run_id, attempt FROM start_keys ORDER BY queue, key";
const LOGS = "SELECT id, task_id, run_id, at, level, source, message, fields FROM logs ORDER BY id";

const EFFECTS = `SELECT ${EFFECT_COLUMNS} FROM effects ORDER BY id`;
const SOURCES = "SELECT sha256, size, stored_at, packed FROM sources ORDER BY sha256";
const GENERATIONS = "SELECT * FROM generations ORDER BY id";

const SCHEDULES = `SELECT ${SCHEDULE_COLUMNS} FROM schedules s ORDER BY s.schedule_id`;
const OCCURRENCES = `SELECT ${OCCURRENCE_COLUMNS} FROM occurrences o ORDER BY o.seq`;

const DELIVERIES = `SELECT ${DELIVERY_COLUMNS}, body FROM deliveries ORDER BY id`;
const DELIVERY_KEYS = "SELECT key, body_sha256 FROM delivery_keys ORDER BY key";

export type Readers = { readonly [K in TransferKind]: () => Iterable<TransferRows[K]> };

interface OfTask {
  readonly task_id: TaskId;
}

interface EventRow {
  readonly name: string;
  readonly payload: JsonText;
  readonly emitted_at: number;
}

interface StartKeyRow extends OfTask {
  readonly queue: string;
  readonly key: string;
  readonly run_id: RunId | null;
  readonly attempt: number | null;
}

interface LogRow extends OfTask {
  readonly id: number;
  readonly run_id: RunId;
  readonly at: number;
  readonly level: LogLine["level"];
  readonly source: LogLine["source"];
  readonly message: string;
  readonly fields: JsonText | null;
}

export function createReaders(db: Database.Database): Readers {
  function* rows<Row, Out>(sql: string, of: (row: Row) => Out): Iterable<Out> {
    for (const row of db.prepare<[], Row>(sql).iterate()) yield of(row);
  }
  return {
    tasks: () => rows<TaskRow, TransferRows["tasks"]>(TASKS, taskOf),
    runs: () => rows<RunRow, TransferRows["runs"]>(RUNS, runOf),
    checkpoints: () =>
      rows(CHECKPOINTS, (row: CheckpointRow & OfTask) => ({ taskId: row.task_id, ...checkpointOf(row) })),
    waits: () => rows(WAITS, (row: WaitRow & OfTask) => ({ taskId: row.task_id, ...waitOf(row) })),
    events: () =>
      rows(EVENTS, ({ name, payload, emitted_at }: EventRow) => ({
        name: unpackText(name),
        payload,
        emittedAt: emitted_at,
      })),
    startKeys: () =>
      rows(START_KEYS, ({ queue, key, task_id, run_id, attempt }: StartKeyRow) => ({
        queue: unpackText(queue),
        key: unpackText(key),
        taskId: task_id,
        runId: run_id,
        attempt,
      })),
    logs: () =>
      rows(LOGS, ({ task_id, run_id, message, ...line }: LogRow) => ({
        taskId: task_id,
        runId: run_id,
        message: unpackText(message),
        ...line,
      })),
    sources: () =>
      rows(SOURCES, ({ sha256, stored_at, ...packed }: SourceRow & { stored_at: number }) => ({
        sha256,
        storedAt: stored_at,
        content: unpackSource(packed).toString("base64"),
      })),
    generations: () => rows<GenerationRow, TransferRows["generations"]>(GENERATIONS, generationOf),
    effects: () => rows<EffectRow, TransferRows["effects"]>(EFFECTS, effectOf),
    schedules: () => rows<ScheduleDbRow, TransferRows["schedules"]>(SCHEDULES, scheduleOf),
    occurrences: () => rows(OCCURRENCES, trackedOccurrenceOf),
    deliveries: () =>
      rows(DELIVERIES, (row: DeliveryRow & { readonly body: Buffer }) => ({
        ...deliveryOf(row),
        body: row.body.toString("base64"),
      })),
    deliveryKeys: () =>
      rows(DELIVERY_KEYS, (row: { readonly key: string; readonly body_sha256: string }) => ({
        key: unpackText(row.key),
        bodySha256: row.body_sha256,
      })),
  };
}
