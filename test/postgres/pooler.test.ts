// Chiron through a real PgBouncer in transaction mode: the commands of `chiron db`, the store, and replicas of `chiron serve`; the doctor
// says what does not pass, and polling carries what notifications would have told.
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { examinePostgres } from "../../adapters/postgres/examine.ts";
import { inspectPostgres } from "../../adapters/postgres/inspect.ts";
import { openPostgres } from "../../adapters/postgres/open.ts";
import { planPostgres } from "../../adapters/postgres/plan.ts";
import { Given, json, newTask, onEvent, onTask, onTime } from "../contract/given.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { countWords, LEDGER_WORKFLOW } from "../fault/ledger-workflow.ts";
import { makeProject, startChiron, type Chiron } from "../support/chiron-process.ts";
import { findPgBouncer, startPgBouncer, type TestPooler } from "../support/pgbouncer.ts";
import { bootPostgres, type TestServer } from "../support/postgres-server.ts";

const program = findPgBouncer();

describe.skipIf(program === null)("behind PgBouncer (skipped where none is installed)", () => {
  let server: TestServer;
  let pooler: TestPooler;
  let url: string;

  beforeAll(async () => {
    server = await bootPostgres({ durable: true });
    pooler = await startPgBouncer(program!, server);
    url = pooler.address((await server.createDatabase()).name);
  });
  afterAll(async () => {
    await pooler.stop();
    await server.stop();
  });

  test("the doctor finds the pooler, says what does not pass, and leaves nothing behind in it", async () => {
    const warned = async () =>
      (await examinePostgres({ connectionString: url, poolSize: 8 }))
        .filter(({ status }) => status !== "ok")
        .map(({ name, status }) => [name, status]);
    const expected = [
      ["pooler", "warn"],
      ["notifications", "warn"],
    ];
    expect(await warned()).toEqual(expected);
    expect(await warned()).toEqual(expected);
  });

  test("plan, migration and status pass it", async () => {
    expect((await planPostgres(url)).steps.length).toBeGreaterThan(0);
    await (await openPostgres({ connectionString: url })).admin.close();
    expect((await planPostgres(url)).steps).toEqual([]);
    expect(await inspectPostgres(url)).toMatchObject({ absurd: { origin: "chiron" } });
  });

  test("the heart of the contract holds on it: two stores, every transition, each once", async () => {
    const [one, two] = await Promise.all([
      openPostgres({ connectionString: url }),
      openPostgres({ connectionString: url }),
    ]);
    const [a, b] = [one, two].map((store) => new Given(store, new ManualClock())) as [Given, Given];
    try {
      const keys = await Promise.all(
        Array.from({ length: 40 }, (_, n) => (n % 2 ? a : b).task({ idempotencyKey: "k" })),
      );
      expect(new Set(keys.map(({ taskId }) => taskId)).size).toBe(1);
      expect(keys.filter(({ created }) => created)).toHaveLength(1);
      await Promise.all([a, b].map((given) => given.store.tasks.enqueue(Array.from({ length: 60 }, () => newTask()))));
      const claims = await Promise.all(Array.from({ length: 24 }, (_, n) => (n % 2 ? a : b).claim({ limit: 10 })));
      const runs = claims.flat();
      expect(new Set(runs.map(({ runId }) => runId)).size).toBe(121);
      expect(runs).toHaveLength(121);
      const steps = runs.map((run) => ({ ...run, name: "s", value: json("v"), durationMs: 1, leaseMs: 30_000 }));
      expect((await one.progress.checkpoint(steps)).every(({ ok }) => ok)).toBe(true);
      expect(await b.step(runs[0]!, "s", json("late"))).toMatchObject({ kept: { value: '"v"' } });
      const [child, parent, failing, ...rest] = runs as [(typeof runs)[0], (typeof runs)[0], (typeof runs)[0]];
      await a.asleep(parent, onTask(child.taskId), onEvent("go"), onTime(60_000));
      expect(await b.fail(failing, 0)).toMatchObject({ ok: true, taskState: "pending" });
      await b.complete(child);
      expect((await b.emit("go")).first).toBe(true);
      const due = await a.claim();
      const attempts = Object.fromEntries(due.map(({ taskId, attempt }) => [taskId, attempt]));
      expect(attempts).toEqual({ [parent.taskId]: 1, [failing.taskId]: 2 });
      expect(due.find(({ taskId }) => taskId === parent.taskId)!.recorded.map(({ kind }) => kind)).toEqual([
        "step",
        "task",
        "event",
      ]);
      expect(await a.cancel(failing.taskId)).toMatchObject({ ok: true, changed: true });
      const output = json("end");
      await two.progress.complete(
        [...rest, due.find(({ taskId }) => taskId === parent.taskId)!].map((run) => ({ ...run, output })),
      );
      expect(await one.reads.activeNames()).toEqual([]);
      expect(await two.tasks.forget(Date.now() + 60_000, 1_000)).toBe(121);
    } finally {
      await one.admin.close();
      await two.admin.close();
    }
  });

  test("two replicas of `chiron serve` share the work, wake each other's runs, and listen to nothing", async () => {
    const project = makeProject({ "workflows/ledger.py": LEDGER_WORKFLOW });
    const replicas: Chiron[] = [];
    try {
      const serve = async (n: number) => {
        const db = path.join(project.dir, `replica-${n}`, "chiron.db");
        replicas.push(await startChiron(project, { DATABASE_URL: url }, ["--db", db], "serve"));
      };
      await Promise.all([serve(1), serve(2)]);
      const [one, two] = replicas as [Chiron, Chiron];
      const ledger = path.join(project.dir, "ledger");
      const ids = await Promise.all(
        Array.from({ length: 8 }, async (_, n) => {
          const created = await one.post("/api/workflows/runs", {
            workflow_name: "ledger",
            input: { id: `r${n}`, ledger },
          });
          return created.body.task_id as string;
        }),
      );
      await Promise.all(
        ids.map((_, n) => two.post("/api/workflows/events", { event_type: "go", correlation_id: `r${n}`, payload: n })),
      );
      for (const [n, id] of ids.entries()) {
        expect(await two.finished(id)).toMatchObject({ status: "completed", result: { output: { payload: n } } });
      }
      expect(countWords(project.read("ledger"))).toEqual({ a: 8, b: 8, c: 8, d: 8 });
      expect(await listening()).toBe(0);
    } finally {
      for (const replica of replicas) await replica.kill("SIGTERM");
      project.remove();
    }
  });

  /** How many of the pooler's sessions were last used to listen. */
  async function listening(): Promise<number> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const sql = "select count(*)::int as n from pg_stat_activity where query ilike 'listen %'";
      return (await client.query<{ n: number }>(sql)).rows[0]!.n;
    } finally {
      await client.end();
    }
  }
});
