// What the engine does when something is lost: leases, a process, the disk's space, a workflow's file, the time to stop.
import { expect, test } from "vitest";
import { VirtualClock } from "../../adapters/node/virtual-clock.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { ChironError } from "../../src/core/errors.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { Store } from "../../src/ports/store.ts";
import { openBench, START_MS } from "../support/engine-bench.ts";
import { script, step, wait } from "../support/scripted-host.ts";

const json = (value: unknown): JsonText => JSON.stringify(value) as JsonText;

test("what an earlier process left running is taken over at once, at the cost of one attempt", async () => {
  const clock = new VirtualClock(START_MS);
  const store = await openSqlite({ path: ":memory:", clock });
  const enqueued = await store.tasks.enqueue([
    { queue: "centaur_workflows", workflowName: "w", input: json({}), maxAttempts: 5, cause: { kind: "api" } },
  ]);
  await store.claims.claim([{ queue: "centaur_workflows", limit: 1, leaseMs: 86_400_000, owner: "dead-0" }]);
  const bench = await openBench({ store, clock });
  bench.names.scripts.set(
    "w",
    script((start) => Promise.resolve(start.attempt)),
  );
  bench.engine.poke();
  const { taskId } = enqueued[0]!;
  await bench.seen("run.completed", taskId);
  expect(bench.engine.takenOver()).toBe(1);
  expect(await bench.task(taskId)).toMatchObject({ state: "completed", output: "2" });
  expect((await store.reads.runs(taskId))[0]).toMatchObject({ state: "failed", failure: { name: "$RuntimeLost" } });
  await bench.close();
});

test("a live run longer than its lease keeps it, because the parent renews", async () => {
  const bench = await openBench({ settings: { leaseMs: 10_000, renewMs: 3_000, sweepMs: 1_000 } });
  const gate = Promise.withResolvers<void>();
  bench.names.scripts.set(
    "long",
    script(() => gate.promise),
  );
  const { taskId } = await bench.create("long");
  await bench.seen("run.started", taskId);
  await bench.clock.advance(120_000);
  gate.resolve();
  await bench.seen("run.completed", taskId);
  expect(await bench.task(taskId)).toMatchObject({ attempts: 1 });
  await bench.close();
});

test("a run whose claim was taken away is aborted and cannot write", async () => {
  const bench = await openBench({ settings: { renewMs: 1_000 } });
  const answer = Promise.withResolvers<unknown>();
  bench.names.scripts.set("w", async (start, session, signal) => {
    if (start.attempt > 1) return { kind: "result", value: json("second") };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    answer.resolve(await session.step({ name: "s", value: json(1), durationMs: 0 }));
    return { kind: "dropped" };
  });
  const { taskId } = await bench.create("w");
  await bench.seen("run.started", taskId);
  // Another owner of the same store takes everything that is not its own.
  await bench.store.claims.expire({
    scope: "foreign",
    owner: "other-1",
    failure: { name: "$ClaimTimeout", message: "taken" },
    limit: 10,
  });
  await bench.clock.advance(2_000);
  await bench.seen("run.lost", taskId);
  expect(await answer.promise).toMatchObject({ ok: false });
  await bench.seen("run.completed", taskId);
  expect((await bench.task(taskId)).output).toBe('"second"');
  await bench.close();
});

test("a stop lets a step reach its checkpoint, gives the run back without cost, and the next start goes on behind it", async () => {
  const clock = new VirtualClock(START_MS);
  const store = await openSqlite({ path: ":memory:", clock });
  const keep: Store = { ...store, admin: { ...store.admin, close: () => Promise.resolve() } };
  const first = await openBench({ store: keep, clock, settings: { graceMs: 5_000 } });
  const gate = Promise.withResolvers<void>();
  let bodies = 0;
  const handler = script(async (start, session) => {
    await step(start, session, "slow", async () => {
      bodies += 1;
      await gate.promise;
    });
    return start.attempt;
  });
  first.names.scripts.set("w", handler);
  const { taskId } = await first.create("w");
  await first.seen("run.started", taskId);
  const stopping = first.close();
  gate.resolve();
  await stopping;
  expect(await store.reads.find(taskId)).toMatchObject({
    task: { state: "pending" },
    run: { attempt: 1, state: "pending" },
  });
  const second = await openBench({ store, clock, settings: { owner: "bench-2" } });
  second.names.scripts.set("w", handler);
  second.engine.poke();
  await second.seen("run.completed", taskId);
  expect(bodies).toBe(1);
  expect((await second.task(taskId)).output).toBe("1");
  await second.close();
});

test("a store that is full for a while holds a run up and loses nothing", async () => {
  const clock = new VirtualClock(START_MS);
  const store = await openSqlite({ path: ":memory:", clock });
  let refusals = 3;
  const full: Store = {
    ...store,
    progress: {
      ...store.progress,
      checkpoint: (writes) =>
        refusals-- > 0 ? Promise.reject(new ChironError("store_full", "no space")) : store.progress.checkpoint(writes),
    },
  };
  const bench = await openBench({ store: full, clock });
  let bodies = 0;
  bench.names.scripts.set(
    "w",
    script((start, session) => step(start, session, "s", () => (bodies += 1))),
  );
  const { taskId } = await bench.create("w");
  await bench.seen("run.started", taskId);
  while ((await bench.task(taskId)).state !== "completed") await clock.advance(500);
  expect(bodies).toBe(1);
  expect(await bench.task(taskId)).toMatchObject({ attempts: 1 });
  await bench.close();
});

test("a removed workflow's runs are cancelled after three passes, one that reappears is spared, built-ins always are", async () => {
  const bench = await openBench({ settings: { reconcileMs: 60_000, reapAfter: 3 } });
  const forever = script((start, session) =>
    wait(start, session, { step: "w", kind: "event", target: "never", delayMs: null }),
  );
  for (const name of ["gone", "back", "stays"]) bench.names.scripts.set(name, forever);
  const gone = await bench.create("gone");
  const back = await bench.create("back");
  const builtin = await bench.create("sleep_echo", { sleep_ms: 1e9 });
  await bench.seen("run.sleeping", undefined, 3);
  bench.names.scripts.delete("gone");
  bench.names.scripts.delete("back");
  await bench.clock.advance(120_500);
  bench.names.scripts.set("back", forever);
  await bench.clock.advance(60_500);
  await bench.seen("workflow.reaped");
  expect((await bench.task(gone.taskId)).state).toBe("cancelled");
  await bench.clock.advance(600_000);
  expect((await bench.task(back.taskId)).state).toBe("sleeping");
  expect((await bench.task(builtin.taskId)).state).toBe("sleeping");
  await bench.close();
});

test("finished tasks are deleted after their time and their start keys still start nothing", async () => {
  const bench = await openBench({ settings: { retentionMs: 3_600_000 } });
  bench.names.scripts.set(
    "w",
    script(() => Promise.resolve(1)),
  );
  const first = await bench.create("w", {}, { idempotencyKey: "k" });
  await bench.seen("run.completed", first.taskId);
  await bench.clock.advance(3_700_000);
  while (await bench.store.reads.find(first.taskId)) await bench.clock.advance(60_000);
  expect(await bench.create("w", {}, { idempotencyKey: "k" })).toMatchObject({ created: false, taskId: first.taskId });
  await bench.close();
});

test("a write that the store throws at fails the attempt instead of leaving it claimed for ever", async () => {
  const bench = await openBench();
  bench.names.scripts.set("w", (start) =>
    Promise.resolve({ kind: "result", value: (start.attempt === 1 ? undefined : json("fine")) as JsonText }),
  );
  const { taskId } = await bench.create("w");
  expect(await bench.seen("run.failed", taskId)).toMatchObject({ name: "$StoreFault" });
  await bench.clock.advance(1_000);
  await bench.seen("run.completed", taskId);
  await bench.close();
});

test("a replica notices within its watch time that another one cancelled its run", async () => {
  const clock = new VirtualClock(START_MS);
  const store = await openSqlite({ path: ":memory:", clock });
  const bench = await openBench({ store, clock, soleOwner: false });
  const aborted = Promise.withResolvers<unknown>();
  bench.names.scripts.set("w", async (_start, _session, signal) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    aborted.resolve(signal.reason);
    return { kind: "dropped" };
  });
  const { taskId } = await bench.create("w");
  await bench.seen("run.started", taskId);
  // Not through this engine: another process of the same store.
  await store.tasks.cancel([(await bench.task(taskId)).taskId]);
  await clock.advance(100);
  expect(await aborted.promise).toBe("cancelled");
  await bench.close();
});
