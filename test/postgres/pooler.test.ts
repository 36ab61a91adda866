// `chiron db` through a real PgBouncer in transaction mode: everything works, and the doctor says what does not pass.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { examinePostgres } from "../../adapters/postgres/examine.ts";
import { inspectPostgres } from "../../adapters/postgres/inspect.ts";
import { openPostgres } from "../../adapters/postgres/open.ts";
import { planPostgres } from "../../adapters/postgres/plan.ts";
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
});
