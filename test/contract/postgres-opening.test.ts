// Opening a store: who makes the schema, what is refused and how it is said, and several processes that start at once.
import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import pg from "pg";
import { migrations } from "../../adapters/postgres/migrate.ts";
import { openPostgres, type OpenOptions } from "../../adapters/postgres/open.ts";
import { Given } from "./given.ts";
import { ManualClock } from "./manual-clock.ts";
import { useLab } from "./postgres-lab.ts";
import { makeFolder } from "./temp-folder.ts";

const lab = useLab();

const fresh = async (): Promise<string> => (await (await lab.server()).createDatabase()).connectionString;

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(connectionString);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function openAndClose(connectionString: string, options: Partial<OpenOptions> = {}): Promise<void> {
  await (await openPostgres({ connectionString, ...options })).admin.close();
}

test("an empty database is made ready, and the next opening finds it so", async () => {
  const place = await fresh();
  const seen: unknown[] = [];
  const onSchema: OpenOptions["onSchema"] = (schema) => seen.push(schema.origin);
  await openAndClose(place, { onSchema });
  const store = await openPostgres({ connectionString: place, onSchema });
  expect(seen).toEqual(["built-in", "found"]);
  expect(store.admin.describe()).toMatchObject({ kind: "postgres", schema: migrations().at(-1)!.id });
  expect(store.admin.describe().location).not.toContain("postgres@");
  await store.admin.close();
});

test("five processes that start at once make one schema", async () => {
  const place = await fresh();
  await Promise.all(Array.from({ length: 5 }, () => openAndClose(place)));
  const rows = await query(place, "select id from chiron.migrations order by id");
  expect(rows.map((row) => (row as { id: number }).id)).toEqual(migrations().map(({ id }) => id));
  expect(await query(place, "select 1 from chiron.queues")).toHaveLength(5);
});

test("an absurd schema that is there is used as it is, and one from a file is named by its digest", async () => {
  const [there, given] = [await fresh(), await fresh()];
  const folder = makeFolder();
  try {
    const { readdirSync, readFileSync } = await import("node:fs");
    const source = new URL("../../adapters/postgres/sql/absurd/", import.meta.url);
    const files = readdirSync(source)
      .filter((file) => /^\d/.test(file))
      .toSorted();
    const sql = files.map((file) => readFileSync(new URL(file, source), "utf8")).join("\n");
    writeFileSync(folder.path("absurd.sql"), sql.replace("'0.5.0+chiron.2'", "'0.4.2'"));
    const seen: unknown[] = [];
    await openAndClose(given, { absurdSql: folder.path("absurd.sql"), onSchema: (schema) => seen.push(schema) });
    expect(seen).toEqual([{ origin: "file", version: "0.4.2", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    await query(there, sql);
    await openAndClose(there, { onSchema: ({ origin }) => seen.push(origin) });
    expect(seen[1]).toBe("found");
  } finally {
    folder.remove();
  }
});

test("schemas of the future are refused and left alone", async () => {
  const place = await fresh();
  await openAndClose(place);
  await query(
    place,
    "create or replace function absurd.get_schema_version() returns text language sql as $$ select '1.0.0'::text $$",
  );
  await expect(openAndClose(place)).rejects.toMatchObject({ code: "store_newer" });
  await query(
    place,
    "create or replace function absurd.get_schema_version() returns text language sql as $$ select '0.2.0'::text $$",
  );
  await expect(openAndClose(place)).rejects.toMatchObject({
    code: "unavailable",
    hint: expect.stringContaining("absurdctl"),
  });
  await query(
    place,
    "create or replace function absurd.get_schema_version() returns text language sql as $$ select 'main'::text $$",
  );
  await openAndClose(place);
  await query(place, "insert into chiron.migrations (id, name) values (999, 'later')");
  await expect(openAndClose(place)).rejects.toMatchObject({ code: "store_newer", details: { schema: 999 } });
});

test("what stands in the way of a connection is said, without the password", async () => {
  const place = await fresh();
  const at = (change: (url: string) => string): Promise<void> => openAndClose(change(place));
  for (const url of ["postgres://[", "mysql://db/chiron", "host=db dbname=chiron", "postgresql+asyncpg://db/chiron"]) {
    await expect(openAndClose(url)).rejects.toMatchObject({ code: "config_invalid" });
  }
  await expect(at((url) => url.replace(/\/t\d+/, "/nowhere"))).rejects.toMatchObject({ code: "not_found" });
  await expect(at((url) => url.replace("postgres@", "stranger:hush@"))).rejects.toMatchObject({
    code: "unauthenticated",
    message: expect.not.stringContaining("hush"),
  });
  await expect(openAndClose("postgresql://127.0.0.1:1/x")).rejects.toMatchObject({ code: "unavailable" });
});

test("a role without rights, a read-only database and another encoding are refused with what to do", async () => {
  const place = await fresh();
  await query(place, "create role guest login");
  const guest = place.replace("postgres@", "guest@");
  await expect(openAndClose(guest)).rejects.toMatchObject({
    code: "forbidden",
    hint: expect.stringContaining("Grant"),
  });
  const name = /\/(t\d+)/.exec(place)![1]!;
  await query(place, `alter database ${name} set default_transaction_read_only = on`);
  await expect(openAndClose(place)).rejects.toMatchObject({ code: "store_unwritable" });
  const { connectionString } = await lab.server();
  await query(connectionString, "create database latin template template0 encoding 'LATIN1'");
  await expect(openAndClose(place.replace(name, "latin"))).rejects.toMatchObject({
    code: "store_unwritable",
    hint: expect.stringContaining("UTF8"),
  });
});

test("two stores on one database share its runs, and one hears what the other makes due", async () => {
  const connectionString = await fresh();
  const open = async () => new Given(await openPostgres({ connectionString }), new ManualClock());
  const [one, two] = [await open(), await open()];
  try {
    let told = (): void => undefined;
    const heard = new Promise<void>((resolve) => (told = resolve));
    const stop = two.store.claims.subscribe!(told);
    // The subscription needs a moment to reach the server: notifications before it are lost, as the port says.
    const poke = setInterval(() => void one.task(), 50);
    await heard;
    clearInterval(poke);
    stop();
    await Promise.all(Array.from({ length: 30 }, () => one.task()));
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, n) => (n % 2 ? one : two).claim({ limit: 7, owner: `owner-${n % 2}` })),
    );
    const ids = claims.flat().map(({ runId }) => runId);
    expect(ids.length).toBeGreaterThanOrEqual(30);
    expect(new Set(ids).size).toBe(ids.length);
    const [run] = claims.flat();
    expect(await two.store.claims.held([run!])).toEqual([{ ok: true }]);
  } finally {
    await one.store.admin.close();
    await two.store.admin.close();
  }
});
