// A store moved from SQLite to Postgres and back is the store it was, on every server version, and goes on working at each stop.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openPostgres } from "../../adapters/postgres/open.ts";
import { openPostgresSource, openPostgresTarget } from "../../adapters/postgres/transfer.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { openSqliteSource, openSqliteTarget } from "../../adapters/sqlite/transfer.ts";
import { TRANSFER_KINDS, type TransferSource } from "../../src/ports/store-transfer.ts";
import { copyStore } from "../../src/store-copy/copy-store.ts";
import { Given } from "../contract/given.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { hasSystemBinaries } from "../support/postgres-binaries.ts";
import { bootPostgres, type TestDatabase, type TestServer } from "../support/postgres-server.ts";
import { fillStore } from "../support/varied-store.ts";

const KINDS = hasSystemBinaries() ? (["system", "embedded"] as const) : (["embedded"] as const);

describe.each(KINDS)("a server from %s programs", (prefer) => {
  let server: TestServer;
  let database: TestDatabase;
  let clock: ManualClock;
  let folder: string;
  let open: TransferSource[] = [];

  beforeAll(async () => {
    server = await bootPostgres({ prefer });
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    clock = new ManualClock();
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "copy-"));
    database = await server.createDatabase();
    const store = await openSqlite({ path: file("from.db"), clock, synchronous: "normal" });
    await fillStore(new Given(store, clock));
    await store.admin.close();
  });
  afterEach(async () => {
    for (const transfer of open) await transfer.close();
    open = [];
    fs.rmSync(folder, { recursive: true });
  });

  const file = (name: string): string => path.join(folder, name);

  async function opened<T extends TransferSource>(transfer: Promise<T>): Promise<T> {
    const ready = await transfer;
    open.push(ready);
    return ready;
  }

  async function toPostgres() {
    const to = await opened(openPostgresTarget(database.connectionString));
    const copied = await copyStore(await opened(openSqliteSource(file("from.db"))), to);
    await to.close();
    return copied;
  }

  async function ask<Row extends object>(sql: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: database.connectionString });
    await client.connect();
    try {
      return (await client.query(sql)).rows as Row[];
    } finally {
      await client.end();
    }
  }

  test("there and back again gives equal digests", async () => {
    const there = await toPostgres();
    const back = await opened(openSqliteTarget(file("back.db"), clock));
    expect(await copyStore(await opened(openPostgresSource(database.connectionString)), back)).toEqual(there);
    expect(there.map(({ kind, rows }) => [kind, rows > 0])).toEqual(TRANSFER_KINDS.map((kind) => [kind, true]));
  });

  test("from Postgres to another Postgres as well", async () => {
    const first = await toPostgres();
    const other = await server.createDatabase();
    const target = await opened(openPostgresTarget(other.connectionString));
    expect(await copyStore(await opened(openPostgresSource(database.connectionString)), target)).toEqual(first);
  });

  test("what came to Postgres goes on: waits wake, timeouts stay, sequences continue, start keys hold", async () => {
    await toPostgres();
    const store = await openPostgres({ connectionString: database.connectionString, clock });
    try {
      const given = new Given(store, clock);
      const names = (claimed: readonly { workflowName: string }[]) => claimed.map((run) => run.workflowName).toSorted();
      expect((await given.emit("never")).woken).toHaveLength(1);
      expect(names(await given.claim({ limit: 100 }))).toEqual([
        "again",
        "alive",
        "forever",
        "pending",
        "triage",
        "triage",
      ]);
      expect((await given.task({ workflowName: "pending", idempotencyKey: "key \u0000" })).created).toBe(false);
      expect((await given.task({ workflowName: "forgotten", idempotencyKey: "forgotten" })).created).toBe(false);
      clock.move(100_000);
      const due = await given.claim({ limit: 100 });
      expect(names(due)).toEqual(expect.arrayContaining(["napping", "retried"]));
      const retried = due.find(({ workflowName }) => workflowName === "retried")!;
      await given.step(retried, "the next step");
      const steps = (await store.reads.checkpoints(retried.taskId)).map(({ name, seq }) => [name, seq]);
      expect(steps).toEqual([
        ["kept over attempts", 1],
        ["the next step", 2],
      ]);
      const line = { level: "info", source: "log", message: "new", fields: null } as const;
      const written = store.logs.append([{ taskId: retried.taskId, runId: retried.runId, at: clock.now(), ...line }]);
      clock.move(1_000);
      await written;
      expect(await store.logs.list(retried.taskId, { limit: 10 })).toHaveLength(1);
    } finally {
      await store.admin.close();
    }
  });

  test("what came to Postgres is what other programs read in absurd's tables", async () => {
    await toPostgres();
    const [row] = await ask<Record<string, unknown>>(
      `select t.params ->> 'workflow_name' as name, t.params ->> 'harness_type' as harness, t.state, r.state as run
       from absurd.t_centaur_workflows t join absurd.r_centaur_workflows r on r.run_id = t.last_attempt_run
       where t.idempotency_key is not null and t.state = 'pending'`,
    );
    expect(row).toEqual({ name: "pending", harness: "codex", state: "pending", run: "pending" });
    const waits = await ask(
      `select w.event_name, r.wake_event, r.available_at::text from absurd.w_centaur_workflows w join absurd.r_centaur_workflows r using (run_id)
       where r.available_at = 'infinity'`,
    );
    expect(waits).toEqual([{ event_name: "never", wake_event: "never", available_at: "infinity" }]);
    const sums = await ask<{ n: number }>(
      "select count(*)::integer as n from absurd.e_centaur_workflows where payload is not null",
    );
    expect(sums).toEqual([{ n: 2 }]);
  });

  test("a database that is not empty is refused, and one whose copy broke off is as before", async () => {
    const to = await opened(openPostgresTarget(database.connectionString));
    const from = await opened(openSqliteSource(file("from.db")));
    const broken: TransferSource = {
      location: from.location,
      user: null,
      close: () => from.close(),
      async *read(kind) {
        if (kind === "logs") throw new Error("the disk is gone");
        yield* from.read(kind);
      },
    };
    await expect(copyStore(broken, to)).rejects.toThrow("the disk is gone");
    await to.close();
    expect(await ask("select 1 from chiron.tasks")).toEqual([]);
    await toPostgres();
    const again = opened(openPostgresTarget(database.connectionString));
    await expect(copyStore(from, await again)).rejects.toMatchObject({ code: "conflict" });
  });

  test("a database without a store is no source", async () => {
    await expect(openPostgresSource(database.connectionString)).rejects.toMatchObject({ code: "not_found" });
  });
});
