// The SQL that is printed is the SQL that runs: a database made by hand from it is one that a start finds ready.
import fs from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { inspectPostgres } from "../../adapters/postgres/inspect.ts";
import { openPostgres } from "../../adapters/postgres/open.ts";
import { allSql, planPostgres } from "../../adapters/postgres/plan.ts";
import { Given } from "../contract/given.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { hasSystemBinaries } from "../support/postgres-binaries.ts";
import { bootPostgres, type TestServer } from "../support/postgres-server.ts";

const KINDS = hasSystemBinaries() ? (["system", "embedded"] as const) : (["embedded"] as const);

/** The statements that a reader of the docs would run. */
function grantsFor(role: string): string {
  const docs = fs.readFileSync(new URL("../../docs/production.md", import.meta.url), "utf8");
  const [, sql] = /```sql\n([^`]*)```/.exec(docs)!;
  return sql!.replaceAll("chiron_app", role);
}

describe.each(KINDS)("a server from %s programs", (prefer) => {
  let server: TestServer;
  let url: string;

  beforeAll(async () => {
    server = await bootPostgres({ prefer });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = (await server.createDatabase()).connectionString;
  });

  async function run(statements: readonly string[]): Promise<void> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  test("an empty database lacks everything, and what is printed makes it ready", async () => {
    const { steps } = await planPostgres(url);
    expect(steps).toEqual(allSql());
    await run(steps.map(({ sql }) => sql));
    expect((await planPostgres(url)).steps).toEqual([]);
    const store = await openPostgres({ connectionString: url, clock: new ManualClock() });
    try {
      await new Given(store, new ManualClock()).task();
    } finally {
      await store.admin.close();
    }
  });

  test("planning changes nothing, and a half-made database lacks the rest", async () => {
    const all = allSql();
    await planPostgres(url);
    expect(await inspectPostgres(url)).toMatchObject({
      schema: 0,
      absurd: { origin: "none", version: null },
      tasks: {},
    });
    const half = all.findIndex(({ schema }) => schema === "chiron") + 1;
    await run(all.slice(0, half).map(({ sql }) => sql));
    const { steps } = await planPostgres(url);
    expect(steps.filter(({ schema }) => schema === "chiron")).toEqual(all.slice(half));
    expect(steps.filter(({ schema }) => schema === "absurd").map(({ name }) => name)).toEqual(["on_any_schema.sql"]);
  });

  test("the whole dump runs as one script", async () => {
    await run([
      allSql()
        .map(({ sql }) => sql)
        .join("\n"),
    ]);
    expect((await planPostgres(url)).steps).toEqual([]);
  });

  test("a look from outside tells whose schema it is and what is in it", async () => {
    const clock = new ManualClock();
    const store = await openPostgres({ connectionString: url, clock });
    try {
      const given = new Given(store, clock);
      await given.complete(await given.running());
      await given.running({ queue: "centaur_workflows_etl" });
      const report = await inspectPostgres(url);
      expect(report).toMatchObject({
        kind: "postgres",
        schema: report.knownSchema,
        absurd: { origin: "chiron" },
        tasks: { completed: 1, running: 1 },
        claims: 1,
      });
      expect(report.queues.find(({ queue }) => queue === "centaur_workflows_etl")?.tasks).toEqual({ running: 1 });
      expect(report.bytes).toBeGreaterThan(0);
      expect(report.connections).toBeGreaterThan(0);
    } finally {
      await store.admin.close();
    }
    // What a genuine migration over our tables leaves behind.
    await run([
      "create or replace function absurd.get_schema_version() returns text language sql as $$ select '0.5.0' $$",
    ]);
    expect((await inspectPostgres(url)).absurd).toEqual({ origin: "genuine", version: "0.5.0" });
  });

  test("a role that may create nothing works with the grants of docs/production.md", async () => {
    await (await openPostgres({ connectionString: url })).admin.close();
    const role = `app_${prefer}`;
    await run([`create role ${role} login`, grantsFor(role)]);
    const clock = new ManualClock();
    const store = await openPostgres({ connectionString: url.replace("postgres@", `${role}@`), clock });
    try {
      const given = new Given(store, clock);
      const { runId, taskId } = await given.running({ idempotencyKey: "k" });
      const claimed = await given.found(runId);
      expect(claimed.run.state).toBe("running");
      await given.emit("news");
      await given.cancel(taskId);
      clock.move(1_000);
      expect(await store.tasks.forget(clock.now(), 10)).toBe(1);
    } finally {
      await store.admin.close();
    }
  });

  test("a newer schema is told in a look, and refused by a plan", async () => {
    await (await openPostgres({ connectionString: url })).admin.close();
    await run(["insert into chiron.migrations (id, name) values (9999, 'from the future')"]);
    expect(await inspectPostgres(url)).toMatchObject({ schema: 9999 });
    await expect(planPostgres(url)).rejects.toMatchObject({ code: "store_newer" });
  });
});
