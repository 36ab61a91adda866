// What SQLite stores do with files: refuse what is not theirs without touching it, keep others out, copy themselves, leave nothing behind.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkVersion } from "../../adapters/sqlite/connection.ts";
import { migrations } from "../../adapters/sqlite/migrate.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { STATES, TERMINAL_STATES } from "../../src/core/states.ts";
import type { Store } from "../../src/ports/store.ts";
import { Given, newTask } from "./given.ts";
import { ManualClock } from "./manual-clock.ts";
import { makeFolder, type TempFolder } from "./temp-folder.ts";

let folder: TempFolder;
let file: string;

beforeEach(() => {
  folder = makeFolder();
  file = folder.path("chiron.db");
});

afterEach(() => folder.remove());

const clock = new ManualClock();
const open = (path = file): Promise<Store> => openSqlite({ path, clock });
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

/** A store file that is closed. */
async function makeStore(): Promise<void> {
  const store = await open();
  await store.tasks.enqueue([newTask()]);
  await store.admin.close();
}

it("the file, its log and the folder made for it are the user's alone", async () => {
  file = folder.path("made", "for it", "chiron.db");
  const store = await open();
  await store.tasks.enqueue([newTask()]);
  expect(modeOf(folder.path("made"))).toBe("700");
  expect(modeOf(folder.path("made", "for it"))).toBe("700");
  for (const name of readdirSync(folder.path("made", "for it"))) {
    expect([name, modeOf(folder.path("made", "for it", name))]).toEqual([name, "600"]);
  }
  expect(existsSync(`${file}-wal`)).toBe(true);
  await store.admin.close();
});

it("a file that others could read is closed to them", async () => {
  await makeStore();
  chmodSync(file, 0o644);
  const store = await open();
  expect(modeOf(file)).toBe("600");
  await store.admin.close();
});

it("closing leaves the database and its lock file, no log", async () => {
  await makeStore();
  expect(readdirSync(folder.path()).toSorted()).toEqual(["chiron.db", "chiron.db.lock"]);
});

it("what was stored is there when the store is opened again", async () => {
  const first = await open();
  const run = await new Given(first, clock).running();
  await new Given(first, clock).step(run, "a");
  await first.admin.close();
  const second = await open();
  expect(await second.reads.checkpoints(run.taskId)).toMatchObject([{ name: "a" }]);
  expect((await second.reads.find(run.runId))!.run.state).toBe("running");
  await second.admin.close();
});

it("another spelling of the path meets the same owner", async () => {
  const store = await open();
  symlinkSync(file, folder.path("alias.db"));
  await expect(open(folder.path("alias.db"))).rejects.toMatchObject({ code: "store_owned" });
  symlinkSync(folder.path(), folder.path("folder"));
  await expect(open(folder.path("folder", "chiron.db"))).rejects.toMatchObject({ code: "store_owned" });
  await store.admin.close();
});

it("a store of a newer schema is refused and not touched", async () => {
  await makeStore();
  const db = new Database(file);
  db.pragma("journal_mode = DELETE");
  db.pragma("user_version = 999");
  db.close();
  const before = readFileSync(file);
  await expect(open()).rejects.toMatchObject({ code: "store_newer", details: { schema: 999 } });
  expect(readFileSync(file).equals(before)).toBe(true);
  expect(readdirSync(folder.path()).toSorted()).toEqual(["chiron.db", "chiron.db.lock"]);
});

it("a file that is no database is refused and not touched", async () => {
  writeFileSync(file, "these are my notes, not a database\n".repeat(100));
  const before = readFileSync(file);
  await expect(open()).rejects.toMatchObject({ code: "store_corrupt" });
  expect(readFileSync(file).equals(before)).toBe(true);
});

it("another program's database is refused and not touched", async () => {
  const db = new Database(file);
  db.exec("CREATE TABLE photos (id INTEGER PRIMARY KEY)");
  db.close();
  const before = readFileSync(file);
  await expect(open()).rejects.toMatchObject({ code: "store_corrupt" });
  expect(readFileSync(file).equals(before)).toBe(true);
});

it("a damaged store is refused as damaged", async () => {
  await makeStore();
  const bytes = readFileSync(file);
  bytes.fill(0xa5, 100, bytes.length);
  writeFileSync(file, bytes);
  await expect(open()).rejects.toMatchObject({ code: "store_corrupt", hint: expect.stringContaining("backup") });
});

it("a place that cannot be written is refused as such", async () => {
  writeFileSync(folder.path("a file"), "");
  mkdirSync(folder.path("a folder.db"));
  for (const path of [folder.path("a file", "chiron.db"), folder.path("a folder.db"), "/proc/chiron/chiron.db"]) {
    await expect(open(path), path).rejects.toMatchObject({ code: "store_unwritable", details: { path } });
  }
});

it.skipIf(process.getuid?.() === 0)("a read-only folder is refused as unwritable", async () => {
  mkdirSync(folder.path("closed"), { mode: 0o500 });
  await expect(open(folder.path("closed", "chiron.db"))).rejects.toMatchObject({ code: "store_unwritable" });
});

it("a backup is a whole store, made while this one is written, and never overwrites", async () => {
  const store = await open();
  const given = new Given(store, clock);
  const run = await given.running();
  for (let i = 0; i < 50; i += 1) await given.step(run, `before ${i}`);
  const target = folder.path("backup.db");
  const copying = store.admin.backup(target);
  for (let i = 0; i < 50; i += 1) await given.step(run, `during ${i}`);
  await copying;
  expect(modeOf(target)).toBe("600");
  await expect(store.admin.backup(target)).rejects.toMatchObject({ code: "conflict" });
  await expect(store.admin.backup(folder.path("no", "such", "folder.db"))).rejects.toMatchObject({
    code: "store_unwritable",
  });
  await store.admin.close();
  expect(readdirSync(folder.path()).toSorted()).toEqual(["backup.db", "chiron.db", "chiron.db.lock"]);
  const copy = await open(target);
  const names = (await copy.reads.checkpoints(run.taskId)).map(({ name }) => name);
  expect(names.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, index) => `before ${index}`));
  await copy.admin.close();
});

it("a store in memory can be backed up too", async () => {
  const store = await open(":memory:");
  const [task] = await store.tasks.enqueue([newTask()]);
  await store.admin.backup(folder.path("backup.db"));
  await store.admin.close();
  const copy = await open(folder.path("backup.db"));
  expect(await copy.reads.find(task!.taskId)).not.toBeNull();
  await copy.admin.close();
});

it("migrations run by hand make the same schema, and failing ones leave nothing", async () => {
  await makeStore();
  const made = new Database(file);
  const byHand = new Database(":memory:");
  for (const { sql } of migrations()) byHand.exec(sql);
  const schema = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name";
  expect(byHand.prepare(schema).all()).toEqual(made.prepare(schema).all());
  expect(byHand.pragma("user_version", { simple: true })).toBe(migrations().at(-1)!.id);
  expect(migrations().map(({ id }) => id)).toEqual(migrations().map((_, index) => index + 1));
  made.close();
  byHand.close();
});

it("the tables allow the states of the core and no others", () => {
  const { sql } = migrations()[0]!;
  const list = (states: readonly string[]): string => states.map((state) => `'${state}'`).join(", ");
  expect(sql).toContain(`CHECK (state IN (${list(STATES)}))`);
  expect(sql).toContain(`CHECK (ended IN (${list(TERMINAL_STATES)}))`);
});

it("an SQLite that can lose commits is refused", () => {
  for (const version of ["3.51.3", "3.52.0", "4.0.0", "3.54.1"]) expect(() => checkVersion(version)).not.toThrow();
  for (const version of ["3.51.2", "3.50.9", "2.9.9"]) expect(() => checkVersion(version)).toThrow("can lose commits");
});
