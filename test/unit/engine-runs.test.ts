// The engine on a real in-memory store with a clock the test moves: attempts, back-off, concurrency, names, endings.
import { afterEach, beforeEach, expect, test } from "vitest";
import { ChironError } from "../../src/core/errors.ts";
import type { RunEnd } from "../../src/ports/host.ts";
import { openBench, START_MS, type Bench } from "../support/engine-bench.ts";
import { script, step } from "../support/scripted-host.ts";

let bench: Bench;

beforeEach(async () => {
  bench = await openBench();
});

afterEach(() => bench.close());

async function refusal(work: Promise<unknown>): Promise<ChironError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ChironError);
  return error as ChironError;
}

test("a run completes with what its handler returned, and its input reached the handler as it was written", async () => {
  const seen: string[] = [];
  bench.names.scripts.set(
    "one",
    script((start) => Promise.resolve(seen.push(start.input) && { answer: 42 })),
  );
  const { taskId } = await bench.create("one", { n: 1.5 });
  await bench.seen("run.completed", taskId);
  expect(await bench.task(taskId)).toMatchObject({
    state: "completed",
    output: '{"answer":42}',
    attempts: 1,
    cause: { kind: "api" },
  });
  expect(seen).toEqual(['{"n":1.5}']);
  expect((await bench.store.reads.find(taskId))!.run.generation).toBe("scripted");
});

test("a failed attempt is followed by a new run of the same task that keeps the checkpoints", async () => {
  let bodies = 0;
  const runIds: string[] = [];
  bench.names.scripts.set(
    "flaky",
    script(async (start, session) => {
      runIds.push(start.runId);
      const value = await step(start, session, "once", () => (bodies += 1));
      if (start.attempt === 1) throw new Error("first");
      return value;
    }),
  );
  const { taskId } = await bench.create("flaky");
  await bench.seen("run.failed", taskId);
  await bench.clock.advance(1_000);
  await bench.seen("run.completed", taskId);
  expect(bodies).toBe(1);
  expect(new Set(runIds).size).toBe(2);
  const runs = await bench.store.reads.runs((await bench.task(taskId)).taskId);
  expect(runs.map((run) => [run.attempt, run.state, run.failure?.message ?? null])).toEqual([
    [1, "failed", "first"],
    [2, "completed", null],
  ]);
});

test("five attempts is the default, max_attempts 1 means one, and the last failure is final", async () => {
  bench.names.scripts.set(
    "bad",
    script(() => Promise.reject(new Error("always"))),
  );
  const five = await bench.create("bad");
  const one = await bench.create("bad", {}, { maxAttempts: 1 });
  await bench.seen("run.failed", one.taskId);
  for (let attempt = 1; attempt < 5; attempt += 1) {
    await bench.seen("run.failed", five.taskId, attempt);
    await bench.clock.advance(60_000);
  }
  await bench.seen("run.failed", five.taskId, 5);
  expect(await bench.task(five.taskId)).toMatchObject({ state: "failed", attempts: 5 });
  expect(await bench.task(one.taskId)).toMatchObject({ state: "failed", attempts: 1 });
});

test("the next attempt starts after the back-off and not before", async () => {
  bench.names.scripts.set(
    "bad",
    script(() => Promise.reject(new Error("always"))),
  );
  const { taskId } = await bench.create("bad");
  const first = await bench.seen("run.failed", taskId);
  expect(first).toMatchObject({ nextAttemptAt: START_MS + 500 });
  await bench.clock.advance(499);
  expect(bench.events.filter((event) => event.type === "run.started")).toHaveLength(1);
  await bench.clock.advance(1);
  await bench.seen("run.failed", taskId, 2);
});

test("an error that must not be retried fails the task at once", async () => {
  const end: RunEnd = { kind: "error", failure: { name: "NonRetryableError", message: "no" }, retryable: false };
  bench.names.scripts.set("never", () => Promise.resolve(end));
  const { taskId } = await bench.create("never");
  expect(await bench.seen("run.failed", taskId)).toMatchObject({ nextAttemptAt: null });
  expect(await bench.task(taskId)).toMatchObject({ state: "failed", attempts: 1 });
});

test("a crash that is this run's own costs an attempt, a neighbour's crash does not", async () => {
  const crash = (blame: boolean): RunEnd => ({
    kind: "crashed",
    failure: { name: "$HostCrashed", message: "signal 11", crash: "signal" },
    blame,
  });
  let guilty = 0;
  let innocent = 0;
  bench.names.scripts.set("guilty", () =>
    Promise.resolve((guilty += 1) === 1 ? crash(true) : { kind: "result", value: "1" as never }),
  );
  bench.names.scripts.set("innocent", () =>
    Promise.resolve((innocent += 1) === 1 ? crash(false) : { kind: "result", value: "1" as never }),
  );
  const a = await bench.create("guilty", {}, { maxAttempts: 1 });
  const b = await bench.create("innocent", {}, { maxAttempts: 1 });
  await bench.seen("run.failed", a.taskId);
  await bench.seen("run.completed", b.taskId);
  expect(await bench.task(a.taskId)).toMatchObject({ state: "failed" });
  expect(await bench.task(b.taskId)).toMatchObject({ state: "completed", attempts: 1 });
});

test("a queue runs as many at a time as it may, and the next one starts when a slot is free", async () => {
  let running = 0;
  let most = 0;
  const gates: (() => void)[] = [];
  bench.names.scripts.set(
    "slow",
    script(async () => {
      most = Math.max(most, (running += 1));
      await new Promise<void>((resolve) => gates.push(resolve));
      running -= 1;
    }),
  );
  const tasks = await Promise.all(Array.from({ length: 10 }, () => bench.create("slow")));
  for (let done = 0; done < 10; done += 1) {
    await bench.seen("run.started", undefined, Math.min(10, done + 4));
    gates[done]!();
    await bench.seen("run.completed", undefined, done + 1);
  }
  expect(most).toBe(4);
  for (const { taskId } of tasks) expect((await bench.task(taskId)).state).toBe("completed");
});

test("a start key starts one task, whatever the input, also after it ended", async () => {
  bench.names.scripts.set(
    "one",
    script(() => Promise.resolve(1)),
  );
  const first = await bench.create("one", { a: 1 }, { idempotencyKey: "k" });
  await bench.seen("run.completed", first.taskId);
  const second = await bench.create("one", { a: 2 }, { idempotencyKey: " k " });
  expect(second).toMatchObject({ created: false, taskId: first.taskId });
});

test("an unknown name is refused with the nearest ones and a disallowed one by its own code", async () => {
  bench.names.scripts.set(
    "nightly_report",
    script(() => Promise.resolve(1)),
  );
  const unknown = await refusal(bench.create("nigthly_report"));
  expect([unknown.code, unknown.hint]).toEqual(["unknown_workflow", "Did you mean nightly_report?"]);
  expect((await refusal(bench.create("  "))).code).toBe("bad_request");
  expect((await refusal(bench.create("nightly_report", {}, { maxAttempts: 0 }))).code).toBe("bad_request");
  const closed = await openBench({ allows: (name) => name !== "secret" });
  closed.names.scripts.set(
    "secret",
    script(() => Promise.resolve(1)),
  );
  expect((await refusal(closed.create("secret"))).code).toBe("workflow_disabled");
  await closed.close();
});

test("a run whose workflow is not loaded waits for it and costs no attempt", async () => {
  bench.names.scripts.set(
    "away",
    script(() => Promise.resolve("back")),
  );
  const gone = bench.names.scripts.get("away")!;
  bench.names.loaded = false;
  const { taskId } = await bench.create("away");
  bench.names.scripts.delete("away");
  bench.names.loaded = true;
  await bench.engine.reloaded([]);
  await bench.seen("run.released", taskId);
  bench.names.scripts.set("away", gone);
  await bench.engine.reloaded(["away"]);
  await bench.seen("run.completed", taskId);
  expect(await bench.task(taskId)).toMatchObject({ state: "completed", attempts: 1 });
});

test("built-in workflows run without a file", async () => {
  const { taskId } = await bench.create("echo", { a: [1] });
  await bench.seen("run.completed", taskId);
  expect((await bench.task(taskId)).output).toBe('{"a":[1]}');
  const sleeper = await bench.create("sleep_echo", { sleep_ms: 5_000 });
  await bench.seen("run.sleeping", sleeper.taskId);
  await bench.clock.advance(4_999);
  expect((await bench.task(sleeper.taskId)).state).toBe("sleeping");
  await bench.clock.advance(1);
  await bench.seen("run.completed", sleeper.taskId);
});
