// One process owns a store file, and what a killed owner was told is durable is there for the next one (invariant 1). Real processes.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, it } from "vitest";
import Database from "better-sqlite3";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { ManualClock } from "./manual-clock.ts";
import { makeFolder, type TempFolder } from "./temp-folder.ts";

const CHILD = new URL("./sqlite-child.ts", import.meta.url).pathname;

let folder: TempFolder;
let file: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = makeFolder();
  file = folder.path("chiron.db");
});

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  folder.remove();
});

/** A running owner and the lines it says. */
function start(
  idsBeforeDeath = 0,
  errors: "inherit" | "ignore" = "inherit",
): { child: ChildProcess; lines: AsyncIterator<string> } {
  const child = spawn(process.execPath, [CHILD, file, String(idsBeforeDeath)], { stdio: ["pipe", "pipe", errors] });
  children.push(child);
  return { child, lines: createInterface({ input: child.stdout! })[Symbol.asyncIterator]() };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

async function linesUntilEnd(lines: AsyncIterator<string>): Promise<string[]> {
  const all: string[] = [];
  for (let next = await lines.next(); !next.done; next = await lines.next()) all.push(next.value);
  return all;
}

const open = () => openSqlite({ path: file, clock: new ManualClock() });

/** Opens the file after a kill and compares it with what was acknowledged. */
async function expectSound(acknowledged: readonly string[]): Promise<void> {
  const store = await open();
  const listed = await store.reads.list({ limit: 100_000 });
  const states = new Map<string, string>(listed.map(({ task }) => [task.taskId, task.state]));
  for (const taskId of acknowledged) expect(states.get(taskId)).toBe("completed");
  for (const { task } of listed) {
    const checkpoints = await store.reads.checkpoints(task.taskId);
    expect(checkpoints).toHaveLength(task.state === "completed" ? 1 : 0);
  }
  await store.admin.close();
  const db = new Database(file);
  expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  db.close();
}

it("a second process is refused with the pid of the first, which notices nothing", async () => {
  const { child, lines } = start();
  expect((await lines.next()).value).toBe("open");
  const refused = {
    code: "store_owned",
    details: { pid: child.pid },
    message: expect.stringContaining(`${child.pid}`),
  };
  await expect(open()).rejects.toMatchObject(refused);
  await expect(open()).rejects.toMatchObject(refused);
  const before = (await lines.next()).value;
  expect(before).not.toBe((await lines.next()).value);
});

it("a second opening in the same process is refused too, and costs the first nothing", async () => {
  const first = await open();
  await expect(open()).rejects.toMatchObject({ code: "store_owned", details: { pid: process.pid } });
  const { lines } = start(0, "ignore");
  expect(await linesUntilEnd(lines)).toEqual([]);
  await first.admin.ping();
  await first.admin.close();
  const second = await open();
  await second.admin.close();
});

it("kill -9 frees the store at once, and every acknowledged commit is there", async () => {
  const { child, lines } = start();
  expect((await lines.next()).value).toBe("open");
  const acknowledged: string[] = [];
  while (acknowledged.length < 200) acknowledged.push((await lines.next()).value as string);
  const rest = linesUntilEnd(lines);
  await kill(child);
  await expectSound([...acknowledged, ...(await rest)]);
});

it.each([1, 30, 201])("death at id %i, in the middle of a transaction, leaves whole transactions only", async (ids) => {
  const { child, lines } = start(ids);
  const [said, ...acknowledged] = await linesUntilEnd(lines);
  expect(said).toBe("open");
  if (child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
  // Eight ids make a batch of four tasks; the one under way when the process died is gone as a whole.
  expect(acknowledged).toHaveLength(4 * Math.floor((ids - 1) / 8));
  await expectSound(acknowledged);
});

it("the owner's file names the process that has the store, and goes when it closes", async () => {
  const store = await open();
  const owner: unknown = JSON.parse(readFileSync(`${file}.owner`, "utf8"));
  expect(owner).toEqual({ pid: process.pid, boot: expect.stringMatching(/^[0-9a-f]{8}$/) });
  await store.admin.close();
  expect(() => readFileSync(`${file}.owner`)).toThrow("ENOENT");
});
