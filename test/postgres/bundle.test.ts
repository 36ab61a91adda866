// Every task of a varied store as a bundle: out of Postgres into SQLite, and back into another Postgres, with nothing changed on the way
// but what an import changes.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPostgres } from "../../adapters/postgres/open.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import type { Store } from "../../src/ports/store.ts";
import { collectBundle } from "../../src/replay/bundle-collect.ts";
import { decodeBundle, encodeBundle } from "../../src/replay/bundle-file.ts";
import { importBundle } from "../../src/replay/bundle-import.ts";
import type { Bundle } from "../../src/replay/bundle.ts";
import { Given } from "../contract/given.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { bootPostgres, type TestServer } from "../support/postgres-server.ts";
import { fillStore } from "../support/varied-store.ts";

let server: TestServer;
const clock = new ManualClock();
const stores: Store[] = [];

beforeAll(async () => {
  server = await bootPostgres();
});
afterAll(async () => {
  for (const store of stores) await store.admin.close();
  await server.stop();
});

async function postgres(): Promise<Store> {
  const { connectionString } = await server.createDatabase();
  const store = await openPostgres({ connectionString, clock });
  stores.push(store);
  return store;
}

async function sqlite(): Promise<Store> {
  const store = await openSqlite({ path: ":memory:", clock });
  stores.push(store);
  return store;
}

const about = () => ({ chironVersion: "1.2.3", now: clock.now() });

/** What an import leaves as it was. */
function lasting({ parts }: Bundle): object {
  const { task, runs, checkpoints, effects } = parts;
  const { input, output, attempts, workflowName, createdAt, startedAt, lastRunId } = task[0]!;
  return {
    task: { input, output, attempts, workflowName, createdAt, startedAt, lastRunId },
    runs: runs.map(({ runId, attempt, failure, startedAt: began }) => ({ runId, attempt, failure, began })),
    checkpoints,
    effects: effects.map(({ id, request, answer }) => ({ id, request, answer })),
    logs: parts.logs.filter(({ source }) => source !== "chiron"),
    deliveries: parts.deliveries.map(({ id, body, headers }) => ({ id, body, headers })),
    sources: parts.sources.map(({ sha256, content }) => ({ sha256, content })),
  };
}

async function carry(from: Store, id: string, to: Store): Promise<Bundle> {
  const bundle = (await collectBundle(from, id, about()))!;
  await importBundle(to, await decodeBundle(await encodeBundle(bundle)), clock.now());
  return bundle;
}

test("Postgres to a bundle to SQLite to a bundle to Postgres", async () => {
  const [first, laptop, second] = [await postgres(), await sqlite(), await postgres()];
  await fillStore(new Given(first, clock));
  const tasks = await first.reads.list({ limit: 1_000 });
  expect(tasks.length).toBeGreaterThan(8);
  for (const { task } of tasks) {
    const original = await carry(first, task.taskId, laptop);
    const onLaptop = await carry(laptop, task.taskId, second);
    expect(lasting(onLaptop)).toEqual(lasting(original));
    expect(lasting((await collectBundle(second, task.taskId, about()))!)).toEqual(lasting(original));
    const [there] = original.parts.task;
    const [here] = onLaptop.parts.task;
    const over = ["completed", "failed", "cancelled"].includes(there!.state);
    expect(here!.state).toBe(over ? there!.state : "cancelled");
    expect(here!.cause.kind).toBe("import");
  }
  clock.move(100 * 86_400_000);
  expect(await new Given(laptop, clock).claim()).toEqual([]);
  expect(await new Given(second, clock).claim()).toEqual([]);
});
