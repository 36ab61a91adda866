// Every row of a store, kind by kind, as the core types that the port speaks. A task is here when both absurd's table and Chiron's know
// it; what other programs wrote past Chiron (checkpoints, events, keys) is read as the store itself would read it.
import pg from "pg";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { TransferKind, TransferRows } from "../../src/ports/store-transfer.ts";
import type { LogLine } from "../../src/ports/store-types.ts";
import { unpackSource } from "../../src/core/source-code.ts";
import { GENERATION_COLUMNS, generationOf, type GenerationRow, type SourceRow } from "./code.ts";
import {
  checkpointOf,
  runOf,
  taskOf,
  waitOf,
  type CheckpointRow,
  type RunRow,
  type TaskRow,
  type WaitRow,
} from "./codec.ts";
import { OCCURRENCE_COLUMNS, SCHEDULE_COLUMNS } from "./schedule-codec.ts";
import { DELIVERY_COLUMNS } from "./deliveries.ts";
import { EFFECT_COLUMNS } from "./effects.ts";
import { relationsOf, RUN_COLUMNS, taskColumns } from "./columns.ts";
import type { Queue } from "./transfer-write.ts";
import { deliveryOf, type DeliveryRow } from "../rows/deliveries.ts";
import { effectOf, type EffectRow } from "../rows/effects.ts";
import { type OccurrenceDbRow, trackedOccurrenceOf, type ScheduleDbRow, scheduleOf } from "../rows/schedules.ts";
import { unpackText } from "../rows/stored-text.ts";

export interface Reader<Out> {
  readonly sql: string;
  of(row: object): Out;
}

export type Readers = { readonly [K in TransferKind]: Reader<TransferRows[K]> };

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

const reader = <Row extends object, Out>(sql: string, of: (row: Row) => Out): Reader<Out> => ({
  sql,
  of: (row) => of(row as Row),
});

const LOGS = reader(
  `select l.id::double precision as id, l.task_id, l.run_id, chiron.ms(l.at) as at, l.level, l.source, l.message, l.fields
   from chiron.logs l order by l.id`,
  ({ task_id, run_id, message, ...line }: LogRow) => ({
    taskId: task_id,
    runId: run_id,
    message: unpackText(message),
    ...line,
  }),
);

const SCHEDULES = reader<ScheduleDbRow, TransferRows["schedules"]>(
  `select ${SCHEDULE_COLUMNS} from chiron.schedules s order by s.schedule_id`,
  scheduleOf,
);
const OCCURRENCES = reader<OccurrenceDbRow, TransferRows["occurrences"]>(
  `select ${OCCURRENCE_COLUMNS} from chiron.occurrences o order by o.seq`,
  trackedOccurrenceOf,
);
const EFFECTS = reader<EffectRow, TransferRows["effects"]>(
  `select ${EFFECT_COLUMNS} from chiron.effects order by id`,
  effectOf,
);

const DELIVERIES = reader<DeliveryRow & { readonly body: Buffer }, TransferRows["deliveries"]>(
  `select ${DELIVERY_COLUMNS}, body from chiron.deliveries order by id`,
  (row) => ({ ...deliveryOf(row), body: row.body.toString("base64") }),
);
const DELIVERY_KEYS = reader<{ readonly key: string; readonly body_sha256: string }, TransferRows["deliveryKeys"]>(
  "select key, body_sha256 from chiron.delivery_keys order by key",
  (row) => ({ key: unpackText(row.key), bodySha256: row.body_sha256 }),
);

export function createReaders(queues: readonly Queue[]): Readers {
  const { tasks, runs, checkpoints } = relationsOf(queues.map(({ name }) => name));
  const known = `chiron.tasks k join ${tasks} t on t.task_id = k.task_id`;
  return {
    tasks: reader<TaskRow, TransferRows["tasks"]>(
      `select ${taskColumns("n")} from ${known} join ${runs} n on n.run_id = t.last_attempt_run order by k.task_id`,
      taskOf,
    ),
    runs: reader<RunRow, TransferRows["runs"]>(
      `select ${RUN_COLUMNS} from ${known} join ${runs} r on r.task_id = t.task_id left join chiron.runs x on x.run_id = r.run_id
       order by r.task_id, r.attempt`,
      runOf,
    ),
    checkpoints: reader(checkpointsSql(known, checkpoints), (row: CheckpointRow & OfTask) => ({
      taskId: row.task_id,
      ...checkpointOf(row),
    })),
    waits: reader(
      `select w.task_id, w.step, w.kind, w.target, chiron.ms(w.deadline_at) as deadline_at, chiron.ms(w.created_at) as created_at
       from chiron.waits w join ${known} on k.task_id = w.task_id order by w.task_id`,
      (row: WaitRow & OfTask) => ({ taskId: row.task_id, ...waitOf(row) }),
    ),
    events: reader(eventsSql(queues), ({ name, payload, emitted_at }: EventRow) => ({
      name: unpackText(name),
      payload,
      emittedAt: emitted_at,
    })),
    startKeys: reader(startKeysSql(known), (row: StartKeyRow) => ({
      queue: row.queue,
      key: unpackText(row.key),
      taskId: row.task_id,
      runId: row.run_id,
      attempt: row.attempt,
    })),
    logs: LOGS,
    sources: reader(
      "select sha256, size, chiron.ms(stored_at) as stored_at, packed from chiron.sources order by sha256",
      ({ sha256, stored_at, ...packed }: SourceRow & { stored_at: number }) => ({
        sha256,
        storedAt: stored_at,
        content: unpackSource(packed).toString("base64"),
      }),
    ),
    generations: reader<GenerationRow, TransferRows["generations"]>(
      `select ${GENERATION_COLUMNS} from chiron.generations g order by g.id`,
      generationOf,
    ),
    effects: EFFECTS,
    schedules: SCHEDULES,
    occurrences: OCCURRENCES,
    deliveries: DELIVERIES,
    deliveryKeys: DELIVERY_KEYS,
  };
}

/** Checkpoints that another program wrote and that no claim has seen yet come behind the task's own. */
function checkpointsSql(known: string, checkpoints: string): string {
  return `select m.task_id, m.name, m.kind, m.value, case when m.value is null then c.state::text end as printed, m.seq, m.owner_run_id,
      m.attempt, chiron.ms(m.created_at) as created_at, m.duration_ms, m.position
    from chiron.checkpoints m join ${known} on k.task_id = m.task_id
    left join ${checkpoints} c on c.task_id = m.task_id and c.checkpoint_name = chiron.stored_name(m.name, m.kind)
    union all
    select c.task_id, c.checkpoint_name, 'step', null, c.state::text,
      (k.recorded + row_number() over (partition by c.task_id order by c.updated_at, c.checkpoint_name))::integer,
      coalesce(c.owner_run_id, c.task_id), 1, chiron.ms(c.updated_at), 0, null
    from ${known} join ${checkpoints} c on c.task_id = k.task_id and c.status = 'committed'
    where not exists (
      select 1 from chiron.checkpoints m where m.task_id = c.task_id and chiron.stored_name(m.name, m.kind) = c.checkpoint_name)
    order by 1, 6`;
}

/** An event that another program emitted into one queue only counts as the first queue knows it. */
function eventsSql(queues: readonly Queue[]): string {
  const others = queues.map(
    ({ name }, place) =>
      `select ${place} as place, event_name, payload, emitted_at from absurd.${pg.escapeIdentifier(`e_${name}`)} where payload is not null`,
  );
  return `select name, payload, chiron.ms(emitted_at) as emitted_at from chiron.events
    union all
    select event_name, chiron.compact(payload), chiron.ms(emitted_at) from (
      select distinct on (event_name) * from (${others.join(" union all ")}) x
      where not exists (select 1 from chiron.events e where e.name = event_name) order by event_name, place) y`;
}

/** A key that another program spawned with is only on its task. */
function startKeysSql(known: string): string {
  return `select queue, key, task_id, run_id, attempt from chiron.start_keys
    union all
    select k.queue, t.idempotency_key, k.task_id, null, null from ${known}
    where t.idempotency_key is not null
      and not exists (select 1 from chiron.start_keys s where s.queue = k.queue and s.key = t.idempotency_key)`;
}
