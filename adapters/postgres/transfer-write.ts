// Rows of another store as rows of this one: what Absurd's own tools read goes into schema absurd, the rest into schema chiron, as the
// store's transitions would have left them. What is derived (a sequence's length, which event a run sleeps on) is derived at the end.
import pg from "pg";
import { ChironError } from "../../src/core/errors.ts";
import { packSource } from "../../src/core/source-code.ts";
import { isTerminal } from "../../src/core/states.ts";
import type { TransferKind, TransferRows } from "../../src/ports/store-transfer.ts";
import type { Run, Task } from "../../src/ports/store-types.ts";
import { ENDLESS, nameJson, packFailure, packJson, packText, packTextOrNull, packValue } from "./codec.ts";
import { COPY_OCCURRENCES, COPY_SCHEDULES, FINISH_SCHEDULES, packOccurrence, packSchedule } from "./schedule-codec.ts";
import { INSERT_DELIVERIES, packDelivery } from "./deliveries.ts";
import { INSERT_EFFECTS, packEffect } from "./effects.ts";

export interface Queue {
  readonly name: string;
  /** Whether an emit reaches its runs. */
  readonly takesEvents: boolean;
}

export type Writers = { readonly [K in TransferKind]: (rows: readonly TransferRows[K][]) => Promise<void> };

const table = (prefix: string, queue: string): string => `absurd.${pg.escapeIdentifier(`${prefix}_${queue}`)}`;

const OURS = ["chiron.tasks", "chiron.runs", "chiron.checkpoints", "chiron.waits"];

/** $1 the rows as one JSON array, $2 the queue: rows of other queues are left to their own statement. */
const TASKS = (queue: string): string => `with x as (
    select * from json_to_recordset($1::json) as x(id uuid, name text, name_json text, input text, input_fate integer, output text,
      output_fate integer, state text, ended text, attempts integer, max_attempts integer, last_run uuid, key text, cause text, ref text,
      parent uuid, harness text, created double precision, updated double precision, started double precision,
      finished double precision, pinned text, q text)
    where q = $2
  ), theirs as (
    insert into ${table("t", queue)} (task_id, task_name, params, max_attempts, enqueue_at, first_started_at, state, attempts,
      last_attempt_run, completed_payload, cancelled_at, idempotency_key)
    select id, 'centaur.workflow',
      jsonb_build_object('workflow_name', name, 'input', chiron.natural(input, input_fate), 'harness_type', harness),
      max_attempts, chiron.at(created), chiron.at(started), state, attempts, last_run,
      case state when 'completed' then jsonb_build_object('workflow_name', name, 'run_id', last_run, 'task_id', id,
        'steps', '["python_host"]'::jsonb, 'output', chiron.natural(output, output_fate)) end,
      case state when 'cancelled' then chiron.at(finished) end, key
    from x
  )
  insert into chiron.tasks (task_id, queue, workflow_name, name_json, cause_kind, cause_ref, parent_task_id, harness_type, input, output,
    ended, created_at, updated_at, finished_at, pinned)
  select id, $2, name, name_json, cause, ref, parent, harness, chiron.exact(input, input_fate), chiron.exact(output, output_fate), ended,
    chiron.at(created), chiron.at(updated), chiron.at(finished), pinned
  from x order by id`;

const RUNS = (queue: string): string => `with x as (
    select x.* from json_to_recordset($1::json) as x(id uuid, task uuid, attempt integer, state text, failure text, fate integer,
      available double precision, started double precision, finished double precision, created double precision, generation text)
    join chiron.tasks k on k.task_id = x.task and k.queue = $2
  ), theirs as (
    insert into ${table("r", queue)} (run_id, task_id, attempt, state, available_at, started_at, completed_at, failed_at, result,
      failure_reason, created_at)
    select id, task, attempt, state, coalesce(chiron.at(available), 'infinity'), chiron.at(started),
      case state when 'completed' then chiron.at(finished) end, case state when 'failed' then chiron.at(finished) end,
      case state when 'completed' then (select t.completed_payload from ${table("t", queue)} t where t.task_id = task) end,
      case when failure is not null then chiron.natural(failure, fate) end, chiron.at(created)
    from x
  )
  insert into chiron.runs (run_id, task_id, started_at, generation, failure)
  select id, task, case when attempt > 1 then chiron.at(started) end, generation, chiron.exact(failure, fate) from x
  where generation is not null or fate > 0 or (attempt > 1 and started is not null)`;

// A name that is taken in absurd's table (by a wait that timed out) keeps its value in Chiron's, as when it was recorded.
const CHECKPOINTS = (queue: string): string => `with x as (
    select x.*, chiron.stored_name(x.name, x.kind) as stored,
      row_number() over (partition by x.task, chiron.stored_name(x.name, x.kind) order by x.seq) as turn
    from json_to_recordset($1::json) as x(task uuid, name text, seq integer, kind text, owner uuid, attempt integer,
      created double precision, duration double precision, position text, value text, fate integer)
    join chiron.tasks k on k.task_id = x.task and k.queue = $2
  ), put as (
    insert into ${table("c", queue)} (task_id, checkpoint_name, state, status, owner_run_id, updated_at)
    select task, stored, chiron.natural(value, fate), 'committed', owner, chiron.at(created) from x where turn = 1
    on conflict do nothing returning task_id, checkpoint_name
  )
  insert into chiron.checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms, position, value)
  select task, name, seq, kind, owner, attempt, chiron.at(created), duration, position,
    case when fate > 0 or turn > 1 or put.task_id is null then value end
  from x left join put on put.task_id = task and put.checkpoint_name = stored`;

// Only a run that sleeps on its waits, and not for the time between two attempts, may be woken by other programs' emits.
const WAITS = (queue: string): string => `with x as (
    select x.* from json_to_recordset($1::json) as x(task uuid, step text, kind text, target text, deadline double precision,
      created double precision)
    join chiron.tasks k on k.task_id = x.task and k.queue = $2
  ), ours as (
    insert into chiron.waits (task_id, step, queue, kind, target, deadline_at, created_at)
    select task, step, $2, kind, target, chiron.at(deadline), chiron.at(created) from x
  ), awaited as (
    insert into ${table("e", queue)} (event_name, payload, emitted_at)
    select distinct target, null::jsonb, 'epoch'::timestamptz from x where kind = 'event' and target is not null
    on conflict do nothing
  )
  insert into ${table("w", queue)} (task_id, run_id, step_name, event_name, timeout_at, created_at)
  select task, run_id, step, target, chiron.at(deadline), chiron.at(created)
  from x join ${table("t", queue)} t on t.task_id = task join ${table("r", queue)} r on r.run_id = t.last_attempt_run
  where kind = 'event' and target is not null and r.state = 'sleeping' and r.started_at is not null`;

const EVENT_ROWS = `json_to_recordset($1::json) as x(name text, payload text, fate integer, emitted double precision)`;
const EVENTS = `insert into chiron.events (name, payload, fate, emitted_at) select name, payload, fate, chiron.at(emitted) from ${EVENT_ROWS}`;
const QUEUE_EVENTS = (queue: string): string => `insert into ${table("e", queue)} (event_name, payload, emitted_at)
  select name, chiron.natural(payload, fate), chiron.at(emitted) from ${EVENT_ROWS}
  on conflict (event_name) do update set payload = excluded.payload, emitted_at = excluded.emitted_at`;

const START_KEYS = `insert into chiron.start_keys (queue, key, task_id, run_id, attempt)
  select * from json_to_recordset($1::json) as x(queue text, key text, task uuid, run uuid, attempt integer)`;

const LOGS = `insert into chiron.logs (id, task_id, run_id, at, level, source, message, fields) overriding system value
  select id, task, run, chiron.at(at), level, source, message, fields from json_to_recordset($1::json)
    as x(id bigint, task uuid, run uuid, at double precision, level text, source text, message text, fields text)`;

const SOURCES = `insert into chiron.sources (sha256, size, stored_at, packed)
  select sha256, size, chiron.at(stored), decode(packed, 'base64')
  from json_to_recordset($1::json) as x(sha256 text, size integer, stored double precision, packed text)`;

const GENERATIONS = `insert into chiron.generations (id, dirs, files, workflows, chiron_version, python_version, first_served_at, last_served_at)
  select id, dirs, files, workflows, chiron, python, chiron.at(first), chiron.at(last) from json_to_recordset($1::json)
    as x(id text, dirs text, files text, workflows text, chiron text, python text, first double precision, last double precision)`;

const DELIVERY_KEYS = `insert into chiron.delivery_keys (key, body_sha256)
  select key, body_sha256 from json_to_recordset($1::json) as x(key text, body_sha256 text)`;

/** Run at the beginning: what a process that was started once on this store keeps of its code goes; nothing that ran refers to it. */
export const BEGIN = "delete from chiron.generations; delete from chiron.sources";

export function createWriters(client: pg.ClientBase, queues: readonly Queue[]): Writers {
  const used = new Set<string>();
  const run = async (sql: string, rows: readonly object[], ...more: string[]): Promise<void> => {
    await client.query(sql, [JSON.stringify(rows), ...more]);
  };
  const inQueues = async (sqlOf: (queue: string) => string, rows: readonly object[]): Promise<void> => {
    for (const queue of used) await run(sqlOf(queue), rows, queue);
  };
  return {
    async tasks(rows) {
      for (const { queue } of rows) used.add(servedQueue(queues, queue));
      await inQueues(TASKS, rows.map(packTask));
    },
    runs: (rows) => inQueues(RUNS, rows.map(packRun)),
    checkpoints: (rows) => inQueues(CHECKPOINTS, rows.map(packCheckpoint)),
    waits: (rows) => inQueues(WAITS, rows.map(packWait)),
    async events(rows) {
      const packed = rows.map(({ name, payload, emittedAt }) => {
        const { value, fate } = packValue(payload);
        return { name: packText(name), payload: value, fate, emitted: emittedAt };
      });
      await run(EVENTS, packed);
      for (const { name, takesEvents } of queues) if (takesEvents) await run(QUEUE_EVENTS(name), packed);
    },
    startKeys: (rows) => run(START_KEYS, rows.map(packStartKey)),
    logs: (rows) => run(LOGS, rows.map(packLog)),
    sources: (rows) => run(SOURCES, rows.map(packKept)),
    generations: (rows) => run(GENERATIONS, rows.map(packKeptGeneration)),
    effects: (rows) => run(INSERT_EFFECTS, rows.map(packEffect)),
    schedules: (rows) => run(COPY_SCHEDULES, rows.map(packSchedule)),
    occurrences: (rows) => run(COPY_OCCURRENCES, rows.map(packOccurrence)),
    deliveries: (rows) => run(INSERT_DELIVERIES, rows.map(packCopiedDelivery)),
    deliveryKeys: (rows) =>
      run(
        DELIVERY_KEYS,
        rows.map(({ key, bodySha256 }) => ({ key: packText(key), body_sha256: bodySha256 })),
      ),
  };
}

/** Statements that make what is derived, once everything is there. */
export function finishSql(queues: readonly Queue[]): string[] {
  return [
    `update chiron.tasks k set recorded = c.number from (select task_id, max(seq) as number from chiron.checkpoints group by 1) c
     where c.task_id = k.task_id`,
    ...queues.map(
      ({ name }) => `update ${table("r", name)} r set wake_event = w.event_name
        from (select distinct on (run_id) run_id, event_name from ${table("w", name)} order by run_id, created_at, step_name) w
        where w.run_id = r.run_id`,
    ),
    // Plans for a table that has just been filled would be those for an empty one until autovacuum comes by.
    `analyze ${[...OURS, ...queues.flatMap(({ name }) => ["t", "r", "c"].map((prefix) => table(prefix, name)))].join(", ")}`,
    ...FINISH_SCHEDULES,
    "select setval(pg_get_serial_sequence('chiron.logs', 'id'), max(id)) from chiron.logs having max(id) is not null",
  ];
}

function servedQueue(queues: readonly Queue[], queue: string): string {
  if (queues.some(({ name }) => name === queue)) return queue;
  throw new ChironError("bad_request", `the target does not serve a queue ${queue}`, {
    hint: `Its queues are ${queues.map(({ name }) => name).join(", ")}.`,
  });
}

function packTask(task: Task): object {
  const input = packValue(task.input);
  const output = task.output === null ? null : packValue(task.output);
  return {
    id: task.taskId,
    name: packText(task.workflowName),
    name_json: nameJson(task.workflowName),
    input: input.value,
    input_fate: input.fate,
    output: output?.value ?? null,
    output_fate: output?.fate ?? 0,
    state: task.state,
    ended: isTerminal(task.state) ? task.state : null,
    attempts: task.attempts,
    max_attempts: task.maxAttempts === ENDLESS ? null : task.maxAttempts,
    last_run: task.lastRunId,
    key: packTextOrNull(task.idempotencyKey),
    cause: task.cause.kind,
    ref: packTextOrNull(task.cause.ref),
    parent: task.parentTaskId,
    harness: packTextOrNull(task.harnessType),
    created: task.createdAt,
    updated: task.updatedAt,
    started: task.startedAt,
    finished: task.finishedAt,
    pinned: packTextOrNull(task.pinnedGeneration),
    q: task.queue,
  };
}

function packRun(run: Run): object {
  const failure = run.failure === null ? null : packFailure(run.failure);
  return {
    id: run.runId,
    task: run.taskId,
    attempt: run.attempt,
    state: run.state,
    failure: failure?.value ?? null,
    fate: failure?.fate ?? 0,
    available: run.availableAt,
    started: run.startedAt,
    finished: run.finishedAt,
    created: run.createdAt,
    generation: packTextOrNull(run.generation),
  };
}

function packCheckpoint(row: TransferRows["checkpoints"]): object {
  return {
    task: row.taskId,
    name: packText(row.name),
    seq: row.seq,
    kind: row.kind,
    owner: row.ownerRunId,
    attempt: row.attempt,
    created: row.createdAt,
    duration: row.durationMs,
    position: packTextOrNull(row.position),
    ...packValue(row.value),
  };
}

const packWait = ({ taskId, step, kind, target, deadlineAt, createdAt }: TransferRows["waits"]): object => ({
  task: taskId,
  step: packText(step),
  kind,
  target: packTextOrNull(target),
  deadline: deadlineAt,
  created: createdAt,
});

const packStartKey = ({ queue, key, taskId, runId, attempt }: TransferRows["startKeys"]): object => ({
  queue,
  key: packText(key),
  task: taskId,
  run: runId,
  attempt,
});

const packLog = ({ taskId, runId, message, fields, ...line }: TransferRows["logs"]): object => ({
  ...line,
  task: taskId,
  run: runId,
  message: packText(message),
  fields: fields === null ? null : packJson(fields),
});

function packCopiedDelivery({ body, ...delivery }: TransferRows["deliveries"]): object {
  const { taskId, created, sameBody } = delivery;
  const received = packDelivery({ ...delivery, body: Buffer.from(body, "base64") });
  return { ...received, task: taskId, created, same_body: sameBody };
}

function packKept({ sha256, storedAt, content }: TransferRows["sources"]): object {
  const { size, packed } = packSource(sha256, Buffer.from(content, "base64"));
  return { sha256, size, stored: storedAt, packed: packed.toString("base64") };
}

function packKeptGeneration(row: TransferRows["generations"]): object {
  return {
    id: packText(row.id),
    dirs: JSON.stringify(row.dirs),
    files: JSON.stringify(row.files),
    workflows: JSON.stringify(row.workflows),
    chiron: packText(row.chironVersion),
    python: packText(row.pythonVersion),
    first: row.firstServedAt,
    last: row.lastServedAt,
  };
}
