// A copy holds what the original holds, or there is none.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { openSqliteSource, openSqliteTarget } from "../../adapters/sqlite/transfer.ts";
import { TRANSFER_KINDS, type TransferSource, type TransferTarget } from "../../src/ports/store-transfer.ts";
import { copyStore, digestOf } from "../../src/store-copy/copy-store.ts";
import { Given } from "../contract/given.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { fillStore } from "../support/varied-store.ts";

const clock = new ManualClock();
let folder: string;
let open: TransferSource[] = [];

beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "copy-"));
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

async function source(name: string): Promise<TransferSource> {
  const opened = await openSqliteSource(file(name));
  open.push(opened);
  return opened;
}

async function target(name: string): Promise<TransferTarget> {
  const opened = await openSqliteTarget(file(name), clock);
  open.push(opened);
  return opened;
}

async function digests(from: TransferSource) {
  const all = [];
  for (const kind of TRANSFER_KINDS) all.push(await digestOf(kind, from));
  return all;
}

test("everything of a store is in its copy, and a copy of the copy is the same again", async () => {
  const from = await source("from.db");
  const first = await target("first.db");
  const copied = await copyStore(from, first);
  await first.close();
  expect(copied.map(({ kind }) => kind)).toEqual([...TRANSFER_KINDS]);
  expect(copied.every(({ rows }) => rows > 0)).toBe(true);
  const second = await target("second.db");
  expect(await copyStore(await source("first.db"), second)).toEqual(copied);
  await second.close();
  expect(await digests(await source("second.db"))).toEqual(await digests(from));
});

test("a copy goes on working: what ran is pending, and what slept wakes", async () => {
  const to = await target("to.db");
  await copyStore(await source("from.db"), to);
  await to.close();
  const store = await openSqlite({ path: file("to.db"), clock });
  try {
    const given = new Given(store, clock);
    const alive = (await store.reads.list({ workflowName: "alive", limit: 1 }))[0]!;
    expect(alive.run.state).toBe("pending");
    const { woken } = await given.emit("never");
    expect(woken).toHaveLength(1);
    const claimed = await given.claim({ limit: 100 });
    expect(claimed.map(({ workflowName }) => workflowName).toSorted()).toEqual([
      "again",
      "alive",
      "forever",
      "pending",
      "triage",
      "triage",
    ]);
    const again = await given.task({ workflowName: "pending", idempotencyKey: "key \u0000" });
    expect(again.created).toBe(false);
    const tombstone = await given.task({ workflowName: "forgotten", idempotencyKey: "forgotten" });
    expect(tombstone.created).toBe(false);
    const retried = (await store.reads.list({ workflowName: "retried", limit: 1 }))[0]!;
    clock.move(100_000);
    const next = (await given.claim({ limit: 100 })).find(({ taskId }) => taskId === retried.task.taskId)!;
    await given.step(next, "the next step");
    const names = (await store.reads.checkpoints(next.taskId)).map(({ name, seq }) => [name, seq]);
    expect(names).toEqual([
      ["kept over attempts", 1],
      ["the next step", 2],
    ]);
  } finally {
    await store.admin.close();
  }
});

test("a target that holds something is refused and left as it is", async () => {
  const to = await target("to.db");
  await copyStore(await source("from.db"), to);
  await to.close();
  const before = await digests(await source("to.db"));
  await expect(copyStore(await source("from.db"), await target("to.db"))).rejects.toMatchObject({ code: "conflict" });
  expect(await digests(await source("to.db"))).toEqual(before);
});

test("a copy that differs is not kept", async () => {
  const to = await target("to.db");
  const careless: TransferTarget = {
    location: to.location,
    user: null,
    read: (kind) => to.read(kind),
    isEmpty: () => to.isEmpty(),
    write: (kind, rows) => to.write(kind, kind === "checkpoints" ? rows.slice(1) : rows),
    commit: () => to.commit(),
    close: () => to.close(),
  };
  await expect(copyStore(await source("from.db"), careless)).rejects.toMatchObject({
    code: "check_failed",
    message: expect.stringContaining("checkpoints"),
  });
  await to.close();
  const left = await digests(await source("to.db"));
  expect(left.every(({ rows }) => rows === 0)).toBe(true);
});

test("a store in use can be read, and its user is named", async () => {
  const store = await openSqlite({ path: file("from.db"), clock });
  const child = `import { openSqliteSource } from ${JSON.stringify(new URL("../../adapters/sqlite/transfer.ts", import.meta.url).href)};
    const source = await openSqliteSource(${JSON.stringify(file("from.db"))}); console.log(source.user); await source.close();`;
  try {
    const said = execFileSync(process.execPath, ["--input-type=module", "-e", child], { encoding: "utf8" });
    expect(said.trim()).toBe(`process ${process.pid}`);
  } finally {
    await store.admin.close();
  }
});

test("a store that is not there is not made by reading it", async () => {
  await expect(source("nowhere.db")).rejects.toMatchObject({ code: "not_found" });
  expect(fs.existsSync(file("nowhere.db"))).toBe(false);
});
