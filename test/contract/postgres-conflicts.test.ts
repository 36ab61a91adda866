// Transactions that the server gives up for another one's sake (40P01, 40001): nothing of them was committed, so every call is made
// again, also those whose lost answers are not, and what it did is there once.
import { afterAll, beforeAll, expect, test } from "vitest";
import pg from "pg";
import { openPostgres } from "../../adapters/postgres/open.ts";
import type { Store } from "../../src/ports/store.ts";
import type { ClaimedRun } from "../../src/ports/store-types.ts";
import { Given, json, newTask, onEvent, onTask, QUEUE } from "./given.ts";
import { ManualClock } from "./manual-clock.ts";
import { useLab } from "./postgres-lab.ts";

const lab = useLab({ settings: ["deadlock_timeout=20ms"] });
let store: Store;
let other: Store;
let given: Given;

beforeAll(async () => {
  await (await lab.open()).store.admin.close();
  const { connectionString } = await lab.database();
  store = await openPostgres({ connectionString });
  other = await openPostgres({ connectionString });
  given = new Given(store, new ManualClock());
  await lab.query("create sequence public.conflicts");
  await lab.query(`create function public.conflict() returns trigger language plpgsql as $$
    begin
      if nextval('public.conflicts') <= tg_argv[0]::bigint then
        raise exception using errcode = tg_argv[1], message = 'made for a test';
      end if;
      return null;
    end $$`);
});

afterAll(async () => {
  await store.admin.close();
  await other.admin.close();
});

/** Every statement that touches the table meets this many conflicts before one gets through. */
async function meeting<T>(table: string, count: number, state: "40001" | "40P01", body: () => Promise<T>): Promise<T> {
  await lab.query("select setval('public.conflicts', 1, false)");
  await lab.query(`create constraint trigger conflict after insert or update or delete on ${table} deferrable initially deferred
    for each row execute function public.conflict(${count}, '${state}')`);
  try {
    return await body();
  } finally {
    await lab.query(`drop trigger conflict on ${table}`);
  }
}

const RUNS = `absurd.r_${QUEUE}`;

test.each(["40001", "40P01"] as const)("a call that meets %s a few times is done once", async (state) => {
  // At the commit itself, after everything was done.
  const met = <T>(body: () => Promise<T>): Promise<T> => meeting(RUNS, 4, state, body);
  const { taskId, created } = await met(() => given.task({ idempotencyKey: `key-${state}` }));
  expect(created).toBe(true);
  expect(await store.reads.activeOf("greet", 10)).toEqual([taskId]);
  const run = await met(() => given.claimOne());
  expect(run).toMatchObject({ taskId, attempt: 1 });
  expect(await meeting("chiron.checkpoints", 4, state, () => given.step(run, "a"))).toEqual({ ok: true });
  await met(() => given.asleep(run, onEvent(`go-${state}`)));
  expect(await met(() => given.emit(`go-${state}`))).toMatchObject({ first: true, woken: [{ taskId }] });
  const again = await met(() => given.claimOne());
  expect(again.recorded).toHaveLength(2);
  expect(await met(() => given.fail(again, null))).toMatchObject({ ok: true, taskState: "failed" });
  expect(await met(() => given.retry(taskId))).toMatchObject({ ok: true, attempt: 2 });
  const second = await given.claimOne();
  expect(await met(() => given.complete(second))).toEqual({ ok: true });
  expect(await store.reads.runs(taskId)).toMatchObject([{ state: "failed" }, { state: "completed" }]);
});

test("conflicts without an end are reported as a passing fault", async () => {
  await meeting(RUNS, 1_000, "40001", () =>
    expect(given.task()).rejects.toMatchObject({ code: "unavailable", details: { sqlState: "40001" } }),
  );
  expect(await given.claim()).toEqual([]);
});

/** Two parents that run on while their children have not ended: the first child, in the order of ids, is the second one's. */
async function crossed(): Promise<{ parents: ClaimedRun[]; children: ClaimedRun[] }> {
  const start = `start-${Math.random()}`;
  await store.tasks.enqueue([newTask({ workflowName: "parent" }), newTask({ workflowName: "parent" })]);
  const parents = (await given.claim()).toSorted((a, b) => (a.runId < b.runId ? -1 : 1));
  await store.tasks.enqueue([newTask({ workflowName: "child" }), newTask({ workflowName: "child" })]);
  // In the order in which a call ends them.
  const children = (await given.claim()).toSorted((a, b) => (a.runId < b.runId ? -1 : 1));
  for (const [n, parent] of parents.entries()) {
    await given.asleep(parent, onTask(children[1 - n]!.taskId, null, "child"), onEvent(start, null, "start"));
  }
  await given.emit(start);
  const again = await given.claim();
  return { parents: again.toSorted((a, b) => (a.runId < b.runId ? -1 : 1)), children };
}

test("two batches that hold what the other needs both get through, and every write is there once", async () => {
  const { parents, children } = await crossed();
  const holder = new pg.Client((await lab.database()).connectionString);
  await holder.connect();
  /** Waits until so many sessions wait for a lock, or the call has settled without. */
  const blocked = async (count: number, call: Promise<unknown>): Promise<void> => {
    let settled = false;
    const note = (): void => void (settled = true);
    void call.then(note, note);
    const waiting = "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'";
    while (!settled && (await lab.query<{ n: number }>(waiting))[0]!.n < count);
  };
  // The children's ends hold the second parent's run and stop there; the checkpoints hold the first one's and wait for the second's.
  await holder.query("begin");
  await holder.query("select 1 from chiron.tasks where task_id = $1 for update", [parents[1]!.taskId]);
  const ends = store.progress.complete(children.map((run) => ({ ...run, output: json("child") })));
  await blocked(1, ends);
  const write = { name: "step", value: json("x"), durationMs: 1, leaseMs: 30_000 };
  const steps = other.progress.checkpoint(parents.map((run) => ({ ...run, ...write })));
  await blocked(2, steps);
  await holder.query("commit");
  await holder.end();
  expect(await ends).toEqual([{ ok: true }, { ok: true }]);
  expect(await steps).toEqual([{ ok: true }, { ok: true }]);
  const deadlocks = "select deadlocks::int as n from pg_stat_database where datname = current_database()";
  // A session tells its counts after another transaction a second later.
  const count = async (): Promise<number> => {
    await Promise.all([store.admin.ping(), other.admin.ping()]);
    return (await lab.query<{ n: number }>(deadlocks))[0]!.n;
  };
  await expect.poll(count, { timeout: 10_000 }).toBeGreaterThan(0);
  for (const { taskId } of parents) {
    const names = (await store.reads.checkpoints(taskId)).map(({ name }) => name);
    expect(names.toSorted()).toEqual(["child", "start", "step"]);
  }
  for (const run of parents) expect(await given.complete(run)).toEqual({ ok: true });
});

test("a database whose transactions do not see what others commit is refused", async () => {
  const { connectionString } = await (await lab.server()).createDatabase();
  const client = new pg.Client(connectionString);
  await client.connect();
  await client.query(
    "do $$ begin execute format('alter database %I set default_transaction_isolation = %L', current_database(), 'repeatable read'); end $$",
  );
  await client.end();
  await expect(openPostgres({ connectionString })).rejects.toMatchObject({
    code: "config_invalid",
    hint: expect.stringContaining("read committed"),
  });
});
