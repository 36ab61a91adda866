// A store whose disk is full: the call that did not fit fails with store_full and leaves nothing, the store goes on.
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { connect } from "../../adapters/sqlite/connection.ts";
import { prepareSqlite } from "../../adapters/sqlite/open.ts";
import { buildStore } from "../../adapters/sqlite/store.ts";
import { createIdSource } from "../../src/core/ids.ts";
import { json, Given } from "./given.ts";
import { ManualClock } from "./manual-clock.ts";
import { makeFolder } from "./temp-folder.ts";

const BIG = json("x".repeat(200_000));

it.each([":memory:", "file"])("a full disk refuses what does not fit and nothing else (%s)", async (kind) => {
  const folder = makeFolder();
  const location = kind === "file" ? folder.path("chiron.db") : kind;
  const db = connect(location);
  prepareSqlite(db, location, "normal");
  const clock = new ManualClock();
  const ids = createIdSource(() => clock.now(), randomBytes);
  const store = buildStore({ db, location, clock, ids, boot: "test" }, () => undefined);
  const given = new Given(store, clock);
  const run = await given.running();
  const pages = db.pragma("page_count", { simple: true }) as number;
  db.pragma(`max_page_count = ${pages + 10}`);
  const full = { status: "rejected", reason: { code: "store_full" } };
  const answers = await Promise.allSettled([
    given.step(run, "small"),
    given.step(run, "big", BIG),
    given.task({ input: BIG }),
    given.step(run, "small too"),
  ]);
  expect(answers).toMatchObject([{ value: { ok: true } }, full, full, { value: { ok: true } }]);
  await expect(given.step(run, "big", BIG)).rejects.toMatchObject({
    code: "store_full",
    hint: expect.stringContaining("disk space"),
  });
  await store.admin.ping();
  db.pragma(`max_page_count = ${pages + 10_000}`);
  expect(await given.step(run, "big", BIG)).toEqual({ ok: true });
  const checkpoints = await store.reads.checkpoints(run.taskId);
  expect(checkpoints.map(({ name, seq }) => [name, seq])).toEqual([
    ["small", 1],
    ["small too", 2],
    ["big", 3],
  ]);
  expect(await store.reads.list({ limit: 10 })).toHaveLength(1);
  await store.admin.close();
  folder.remove();
});

it("a write while another program holds the file fails as unwritable, and works afterwards", async () => {
  const folder = makeFolder();
  const location = folder.path("chiron.db");
  const db = connect(location);
  prepareSqlite(db, location, "normal");
  const clock = new ManualClock();
  const ids = createIdSource(() => clock.now(), randomBytes);
  const given = new Given(
    buildStore({ db, location, clock, ids, boot: "test" }, () => undefined),
    clock,
  );
  const shell = connect(location);
  shell.exec("BEGIN IMMEDIATE");
  await expect(given.task()).rejects.toMatchObject({
    code: "store_unwritable",
    hint: expect.stringContaining("sqlite3"),
  });
  shell.exec("ROLLBACK");
  shell.close();
  expect((await given.task()).created).toBe(true);
  await given.store.admin.close();
  folder.remove();
});
