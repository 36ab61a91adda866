// `chiron db` from the outside: what it says and with which code it ends. The stores are fakes; the real ones have their own tests.
import { expect, test } from "vitest";
import type { DatabaseTools } from "../../src/cli/database-tools.ts";
import type { Wiring } from "../../src/cli/wiring.ts";
import { TRANSFER_KINDS, type TransferTarget } from "../../src/ports/store-transfer.ts";
import { NO_API, runCli } from "./cli-fixture.ts";

const STEPS = [
  { schema: "absurd", name: "0001_a.sql", sql: "begin;\ncommit;\n" },
  { schema: "chiron", name: "0001_b.sql", sql: "select 1;\n" },
];

function db(args: readonly string[], database: Partial<DatabaseTools>, more: Partial<Wiring> = {}, env = {}) {
  return runCli(["db", ...args], NO_API, "/nowhere", { wiring: { ...more, database: database as DatabaseTools }, env });
}

test("status of a Postgres tells whose absurd schema it is, and what each queue holds", async () => {
  const report = {
    kind: "postgres",
    location: "db:5432/chiron",
    version: "16.2",
    schema: 9,
    knownSchema: 10,
    bytes: 2_048,
    tasks: { pending: 1, failed: 2 },
    ownerPid: null,
    absurd: { origin: "genuine", version: "0.4.1" },
    queues: [{ queue: "main", tasks: { pending: 1, failed: 2 } }],
    claims: 1,
    connections: 4,
  } as const;
  const more = { inspectStore: async () => report };
  const shown = await db(["status", "--store", "postgres"], {}, more);
  expect(shown.stdout).toBe(
    `${[
      "store    db:5432/chiron",
      "kind     postgres 16.2, schema 9 (the next start brings it to 10)",
      "absurd   0.4.1, Absurd's own",
      "size     2 KiB",
      "in use   4 connections, 1 run in work",
      "tasks    1 pending, 2 failed",
      "  main: 1 pending, 2 failed",
    ].join("\n")}\n`,
  );
  const document = JSON.parse((await db(["status", "--json"], {}, more)).stdout) as Record<string, unknown>;
  expect(document).toMatchObject({ ok: true, kind: "postgres", claims: 1, absurd: { origin: "genuine" } });
});

test("migrate --dry-run prints the SQL and runs nothing; migrate runs it and names it", async () => {
  let migrated = 0;
  const tools = {
    plan: async () => ({ location: "here", steps: STEPS }),
    migrate: async () => void (migrated += 1),
  };
  const dry = await db(["migrate", "--dry-run"], tools);
  expect(dry.stdout).toBe("-- absurd: 0001_a.sql\nbegin;\ncommit;\n\n-- chiron: 0001_b.sql\nselect 1;\n\n");
  expect(migrated).toBe(0);
  const real = await db(["migrate"], tools);
  expect(real.stdout).toBe("applied absurd 0001_a.sql\napplied chiron 0001_b.sql\nhere is up to date\n");
  expect(migrated).toBe(1);
});

test("migrate, dump-sql and doctor mean Postgres unless a file or a store is named", async () => {
  const asked: string[] = [];
  const tools: Partial<DatabaseTools> = {
    examine: async ({ storeKind }) => {
      asked.push(storeKind);
      return [];
    },
  };
  for (const args of [[], ["--db", "x.db"], ["--store", "sqlite"], ["--store", "postgres"]]) {
    await db(["doctor", "--json", ...args], tools);
  }
  expect(asked).toEqual(["postgres", "sqlite", "sqlite", "postgres"]);
});

test("dump-sql prints one schema or all, and knows which there are", async () => {
  const tools = { allSql: async () => STEPS };
  expect((await db(["dump-sql"], tools)).stdout).toContain("-- absurd: 0001_a.sql");
  expect((await db(["dump-sql", "--schema", "chiron"], tools)).stdout).toBe("-- chiron: 0001_b.sql\nselect 1;\n\n");
  const wrong = await db(["dump-sql", "--schema", "public"], tools);
  expect([wrong.exit, wrong.stderr]).toEqual([2, expect.stringContaining("Schemas: absurd, chiron.")]);
});

test("doctor ends with 3 when something fails, and says what to do", async () => {
  const tools: Partial<DatabaseTools> = {
    examine: async () => [
      { name: "version", status: "ok", message: "16" },
      { name: "rights", status: "fail", message: "none", fix: "grant some" },
    ],
  };
  const { exit, stdout } = await db(["doctor"], tools);
  expect(exit).toBe(3);
  expect(stdout).toBe("✔ version  16\n✘ rights   none\n           → grant some\n");
});

test("backup of a Postgres names pg_dump", async () => {
  const { exit, stderr } = await db(["backup", "monday.dump", "--store", "postgres"], {});
  expect(exit).toBe(2);
  expect(stderr).toContain("pg_dump --format=custom --file=monday.dump");
});

/** An empty store that counts what is done with it. */
function emptyStore(user: string | null = null) {
  const done: string[] = [];
  const store: TransferTarget = {
    location: "a store",
    user,
    async *read() {},
    isEmpty: async () => true,
    write: async () => undefined,
    commit: async () => void done.push("commit"),
    close: async () => void done.push("close"),
  };
  return { store, done };
}

test("copy opens what --from and --to name, keeps the copy and closes both", async () => {
  const from = emptyStore();
  const to = emptyStore();
  const opened: unknown[] = [];
  const tools: Partial<DatabaseTools> = {
    openSource: async (address) => (opened.push(address), from.store),
    openTarget: async (address) => (opened.push(address), to.store),
  };
  const env = { DATABASE_URL: "postgres://u:p@h/d" };
  const { exit, stdout } = await db(["copy", "--from", "sqlite:a.db", "--to", "postgres", "--json"], tools, {}, env);
  expect(exit).toBe(0);
  expect(opened).toEqual([
    { kind: "sqlite", place: "/nowhere/a.db" },
    { kind: "postgres", place: "postgres://u:p@h/d" },
  ]);
  const { copied } = JSON.parse(stdout) as { copied: { kind: string }[] };
  expect(copied.map(({ kind }) => kind)).toEqual([...TRANSFER_KINDS]);
  expect([from.done, to.done]).toEqual([["close"], ["commit", "close"]]);
});

test("copy refuses a source in use unless told, before it touches the target", async () => {
  const to = emptyStore();
  const tools: Partial<DatabaseTools> = {
    openSource: async () => emptyStore("process 7").store,
    openTarget: async () => to.store,
  };
  const refused = await db(["copy", "--from", "sqlite:a.db", "--to", "sqlite:b.db"], tools);
  expect([refused.exit, refused.stderr]).toEqual([8, expect.stringContaining("in use by process 7")]);
  expect(to.done).toEqual([]);
  const allowed = await db(["copy", "--from", "sqlite:a.db", "--to", "sqlite:b.db", "--in-use"], tools);
  expect([allowed.exit, to.done]).toEqual([0, ["commit", "close"]]);
});

test.each([
  [["--from", "sqlite:a.db", "--to", "sqlite:./a.db"], 2, "the same store"],
  [["--from", "mysql://u:secret@h/d", "--to", "sqlite"], 2, "mysql://u:…@h/d"],
  [["--from", "postgres", "--to", "sqlite"], 2, "DATABASE_URL is not set"],
  [["--from", "sqlite"], 2, "--to"],
])("copy %j is refused", async (args, exit, words) => {
  const result = await db(["copy", ...args], {});
  expect([result.exit, result.stderr]).toEqual([exit, expect.stringContaining(words)]);
});
