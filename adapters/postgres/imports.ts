// Taking in a task that ran in another store, as rows in one transaction.
import type pg from "pg";
import type { ImportedTask, ImportStore, TaskImported } from "../../src/ports/store-imports.ts";
import type { LogLine } from "../../src/ports/store-types.ts";
import { packJson, packText } from "./codec.ts";
import { checkQueue, type Session } from "./session.ts";
import { createWriters } from "./transfer-write.ts";

// Of two imports of one task the second one waits, and finds it.
const ALONE = "select pg_advisory_xact_lock(hashtext('chiron import'))";
const THERE = `select exists (select 1 from chiron.tasks where task_id = $1)
  or exists (select 1 from unnest($2::uuid[]) r where (chiron.find_run(r)).queue is not null) as there`;
const EFFECTS = "select id from chiron.effects where id = any ($1::uuid[])";
const DELIVERIES = "select id from chiron.deliveries where id = any ($1::uuid[])";
const LOGS = `insert into chiron.logs (task_id, run_id, at, level, source, message, fields)
  select task, run, chiron.at(at), level, source, message, fields from json_to_recordset($1::json)
    as x(task uuid, run uuid, at double precision, level text, source text, message text, fields text)`;
const RECORDED = `update chiron.tasks k set recorded = coalesce((select max(seq) from chiron.checkpoints c where c.task_id = k.task_id), 0)
  where k.task_id = $1`;

export function createImports(session: Session): ImportStore {
  return {
    async add(imported) {
      checkQueue(session, imported.task.queue);
      return session.transaction((client) => write(session, client, imported));
    },
  };
}

async function write({ queues }: Session, client: pg.ClientBase, imported: ImportedTask): Promise<TaskImported> {
  const { task, runs, checkpoints, effects, deliveries, logs } = imported;
  await client.query(ALONE);
  const ids = runs.map(({ runId }) => runId);
  const { rows } = await client.query<{ there: boolean }>(THERE, [task.taskId, ids]);
  if (rows[0]!.there) return { ok: false, reason: "exists" };
  const writers = createWriters(
    client,
    [...queues.keys()].map((name) => ({ name, takesEvents: false })),
  );
  await writers.tasks([task]);
  await writers.runs(runs);
  await writers.checkpoints(checkpoints);
  const newEffects = await others(client, EFFECTS, effects);
  if (newEffects.length > 0) await writers.effects(newEffects);
  const newDeliveries = await others(client, DELIVERIES, deliveries);
  if (newDeliveries.length > 0) await writers.deliveries(newDeliveries);
  await client.query(LOGS, [JSON.stringify(logs.map(packLog))]);
  await client.query(RECORDED, [task.taskId]);
  return { ok: true };
}

/** Those whose ids are not here yet. */
async function others<T extends { readonly id: string }>(
  client: pg.ClientBase,
  sql: string,
  given: readonly T[],
): Promise<readonly T[]> {
  const { rows } = await client.query<{ id: string }>(sql, [given.map(({ id }) => id)]);
  const there = new Set(rows.map(({ id }) => id));
  return given.filter(({ id }) => !there.has(id));
}

function packLog({ taskId, runId, message, fields, ...line }: LogLine): object {
  return {
    ...line,
    task: taskId,
    run: runId,
    message: packText(message),
    fields: fields === null ? null : packJson(fields),
  };
}
