// What grows in secret, made on purpose: `chiron db doctor` names the session, the prepared transaction, the replication slot and the
// table, and says what to do.
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Finding } from "../../adapters/postgres/examination.ts";
import { examinePostgres } from "../../adapters/postgres/examine.ts";
import { openPostgres } from "../../adapters/postgres/open.ts";
import { bootPostgres, type TestServer } from "../support/postgres-server.ts";

let server: TestServer;
let url: string;
let client: pg.Client;

beforeAll(async () => {
  const settings = ["wal_level=logical", "max_prepared_transactions=2"];
  server = await bootPostgres({ durable: true, settings });
  url = (await server.createDatabase()).connectionString;
  await (await openPostgres({ connectionString: url })).admin.close();
  client = new pg.Client({ connectionString: url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await server.stop();
});

/** `oldSnapshotS`: how old is old, in place of ten minutes. */
async function finding(name: string, oldSnapshotS?: number): Promise<Finding> {
  const options = { connectionString: url, poolSize: 8 };
  const findings = await examinePostgres(oldSnapshotS === undefined ? options : { ...options, oldSnapshotS });
  return findings.find((one) => one.name === name)!;
}

test("a session that holds an old snapshot is named, with its process", async () => {
  const idle = new pg.Client({ connectionString: url, application_name: "nightly report" });
  await idle.connect();
  try {
    await idle.query("begin isolation level repeatable read");
    const { rows } = await idle.query<{ pid: number }>("select pg_backend_pid() as pid");
    expect(await finding("old snapshots")).toMatchObject({ status: "ok" });
    const found = await finding("old snapshots", 0);
    expect(found).toMatchObject({ status: "warn", fix: expect.stringContaining("pg_terminate_backend") });
    expect(found.message).toContain(`process ${rows[0]!.pid} (nightly report, idle in transaction)`);
  } finally {
    await idle.end();
  }
});

test("a prepared transaction that nobody ends is named", async () => {
  await client.query("begin; create table public.left_behind (n integer); prepare transaction 'left behind'");
  try {
    expect((await finding("old snapshots", 0)).message).toContain("prepared transaction left behind");
  } finally {
    await client.query("rollback prepared 'left behind'");
  }
});

test("a replication slot that nobody reads is named", async () => {
  await client.query("select pg_create_logical_replication_slot('forgotten', 'pgoutput')");
  try {
    expect(await finding("old snapshots")).toMatchObject({
      status: "warn",
      message: expect.stringContaining("forgotten"),
      fix: expect.stringContaining("Drop the slot"),
    });
  } finally {
    await client.query("select pg_drop_replication_slot('forgotten')");
  }
  expect(await finding("old snapshots")).toMatchObject({ status: "ok" });
});

test("a table with more dead rows than living ones is named, with both counts", async () => {
  expect(await finding("tables")).toMatchObject({ status: "ok" });
  await client.query("alter table chiron.logs set (autovacuum_enabled = off)");
  await client.query(`insert into chiron.logs (task_id, run_id, at, level, source, message)
    select gen_random_uuid(), gen_random_uuid(), now(), 'info', 'log', 'x' from generate_series(1, 110000)`);
  await client.query("delete from chiron.logs where id > 100");
  // Counts are told when the session ends.
  await client.end();
  client = new pg.Client({ connectionString: url });
  await client.connect();
  const found = await finding("tables");
  expect(found).toMatchObject({ status: "warn", fix: expect.stringContaining("VACUUM") });
  expect(found.message).toMatch(/chiron\.logs 1\d{5} dead, \d+ living/);
  await client.query("vacuum chiron.logs");
  expect(await finding("tables")).toMatchObject({ status: "ok" });
});

test("autovacuum that is off, and transactions that do not see what others commit, are found", async () => {
  const [name] = /t\d+$/.exec(url)!;
  await client.query(`alter database ${name} set default_transaction_isolation = 'serializable'`);
  expect(await finding("isolation")).toMatchObject({
    status: "fail",
    message: expect.stringContaining("serializable"),
  });
  await client.query(`alter database ${name} reset default_transaction_isolation`);
  await client.query("alter system set autovacuum = off");
  await client.query("select pg_reload_conf()");
  await expect.poll(() => finding("tables")).toMatchObject({ status: "fail", message: "autovacuum is off" });
});
