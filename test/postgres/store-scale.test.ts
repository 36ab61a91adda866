// What the store's statements cost does not grow with history: counted in pages that the server touches, not in time, beside very many
// finished and sleeping tasks, and while another session holds an old snapshot.
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPostgres } from "../../adapters/postgres/open.ts";
import type { Store } from "../../src/ports/store.ts";
import { createList } from "../../adapters/postgres/list.ts";
import type { Session } from "../../adapters/postgres/session.ts";
import type { TaskFilter } from "../../src/ports/store-types.ts";
import { newTask, QUEUE } from "../contract/given.ts";
import { bootPostgres, type TestServer } from "../support/postgres-server.ts";

const FINISHED = 200_000;
const SLEEPING = 100_000;

let server: TestServer;
let client: pg.Client;
let store: Store;
let connectionString: string;

/** Tasks as the store would have left them, written past it and without its triggers. */
const FILL = `
  with made as (
    select i, gen_random_uuid() as task_id, gen_random_uuid() as run_id,
           case when i <= ${SLEEPING} then 'sleeping' when i % 50 = 0 then 'failed' else 'completed' end as state,
           now() - make_interval(secs => i) as at, now() + make_interval(days => 1, secs => i) as later
    from generate_series(1, ${FINISHED + SLEEPING}) i
  ), tasks as (
    insert into absurd.t_${QUEUE} (task_id, task_name, params, enqueue_at, first_started_at, state, attempts, max_attempts,
                                   last_attempt_run, cancellation)
    select task_id, 'centaur.workflow', '{"workflow_name": "bulk", "input": {}}', at, at, state, 1, 3, run_id,
           case when i % 10 = 0 then '{"max_duration": 1000000}'::jsonb end from made
  ), runs as (
    insert into absurd.r_${QUEUE} (run_id, task_id, attempt, state, available_at, started_at, created_at, completed_at)
    select run_id, task_id, 1, state, case state when 'sleeping' then later else at end, at, at,
           case when state <> 'sleeping' then at end from made
  ), waits as (
    insert into chiron.waits (task_id, step, queue, kind, deadline_at, created_at)
    select task_id, 'nap', '${QUEUE}', 'sleep', later, at from made where state = 'sleeping'
  )
  insert into chiron.tasks (task_id, queue, workflow_name, cause_kind, ended, created_at, updated_at, finished_at)
  select task_id, '${QUEUE}', 'bulk', 'api', nullif(state, 'sleeping'), at, at, case when state <> 'sleeping' then at end from made`;

beforeAll(async () => {
  server = await bootPostgres({ settings: ["shared_buffers=256MB", "max_wal_size=4GB", "autovacuum=off"] });
  ({ connectionString } = await server.createDatabase());
  store = await openPostgres({ connectionString });
  client = new pg.Client({ connectionString });
  await client.connect();
  await client.query("set session_replication_role = replica");
  await client.query(FILL);
  await client.query("set session_replication_role = origin");
}, 60_000);

afterAll(async () => {
  await client.end();
  await store.admin.close();
  await server.stop();
});

/** Pages touched by one statement and all it calls. */
async function pages(sql: string, values: readonly unknown[] = []): Promise<number> {
  const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: Record<string, number> }] }>(
    `explain (analyze, buffers, timing off, format json) ${sql}`,
    [...values],
  );
  const plan = rows[0]!["QUERY PLAN"][0].Plan;
  return plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!;
}

/** Pages touched by all statements of a list. */
async function listPages(filter: TaskFilter): Promise<number> {
  let touched = 0;
  const read = async (sql: string, values: readonly unknown[]): Promise<never[]> => {
    touched += await pages(sql, values);
    return (await client.query<never>(sql, [...values])).rows;
  };
  const { rows } = await client.query<{ queue: string; number: number }>("select queue, number from chiron.queues");
  const queues = new Map(rows.map(({ queue, number }) => [queue, number]));
  await createList({ queues, sender: { read } } as unknown as Session).list(filter);
  return touched;
}

let claims = 0;
const claim = (limit: number): Promise<number> =>
  pages("select * from chiron.claim($1::json, '{}')", [
    JSON.stringify([{ n: 0, q: 1, worker: `w-${(claims += 1)}`, lease: 30, qty: limit }]),
  ]);
const due = (count: number) => store.tasks.enqueue(Array.from({ length: count }, () => newTask()));

describe.each(["never analysed", "analysed"])(
  "beside 200,000 finished and 100,000 sleeping tasks, %s",
  (statistics) => {
    beforeAll(async () => {
      if (statistics === "analysed") await client.query("analyze");
      await due(200);
      // The first of a session makes its plans.
      await claim(1);
    });

    test("a claim, with its cancellation sweep and expiry, touches what it takes", async () => {
      expect(await claim(10)).toBeLessThan(2_000);
      await claim(500);
      await claim(10);
      expect(await claim(10)).toBeLessThan(1_500);
    });

    test("the next due time and expiry touch a few pages", async () => {
      expect(await pages("select chiron.next_due(array[1, 2, 3, 4, 5])")).toBeLessThan(600);
      expect(await pages("select * from chiron.expire('{}', 0, 100)")).toBeLessThan(1_000);
    });

    test.each([
      ["all", {}],
      ["those of a name", { workflowName: "bulk" }],
      ["failed ones", { states: ["failed"] }],
      ["completed ones of a name", { states: ["completed"], workflowName: "bulk" }],
      ["sleeping ones", { states: ["sleeping"] }],
      ["the few that run", { states: ["running"] }],
      ["the few that run or wait to", { states: ["pending", "running"] }],
      ["none", { states: ["cancelled"] }],
    ] satisfies [string, Partial<TaskFilter>][])("a list of %s touches what it shows", async (_, filter) => {
      expect(await listPages({ limit: 50, ...filter })).toBeLessThan(6_000);
    });
  },
);

test("no claim walks over all that was done since another session began to look", async () => {
  const old = new pg.Client({ connectionString });
  await old.connect();
  await old.query("begin isolation level repeatable read");
  await old.query("select 1");
  const walked: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    await due(1_500);
    await client.query("select * from chiron.claim($1::json, '{}')", [
      JSON.stringify([{ n: 0, q: 1, worker: `bulk-${round}`, lease: 30, qty: 1_500 }]),
    ]);
  }
  for (let round = 0; round < 12; round += 1) {
    await due(5);
    walked.push(await claim(5), await pages("select chiron.next_due(array[1])"), await claim(5));
  }
  // Now and then one walks the whole way again, by how long that took the last time.
  expect(walked.toSorted((a, b) => a - b)[30]).toBeLessThan(700);
  await old.query("rollback");
  await old.end();
});
