// Sleeps, events, children and cancellation on a clock the test moves.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { JsonText } from "../../src/core/json-text.ts";
import { pythonEventName } from "../../src/core/keys.ts";
import { DEFAULT_CONCURRENCY } from "../../src/core/queues.ts";
import type { RunSession, RunStart } from "../../src/ports/host.ts";
import { openBench, type Bench } from "../support/engine-bench.ts";
import { script, step, wait } from "../support/scripted-host.ts";

let bench: Bench;

beforeEach(async () => {
  // Rarely, so that a day of the clock is not made of polls: due times are armed.
  const pollMs = 60_000;
  bench = await openBench({ settings: { pollMs, concurrency: { ...DEFAULT_CONCURRENCY, centaur_workflows: 1 } } });
});

afterEach(() => bench.close());

const sleep = (start: RunStart, session: RunSession, name: string, ms: number) =>
  wait(start, session, { step: name, kind: "sleep", target: null, delayMs: ms });
const event = (start: RunStart, session: RunSession, name: string, timeoutMs: number | null = null) =>
  wait(start, session, { step: `wait ${name}`, kind: "event", target: name, delayMs: timeoutMs });
const json = (value: unknown): JsonText => JSON.stringify(value) as JsonText;

test("a sleep ends at its time and not before, under the same run id and attempt", async () => {
  const runs: string[] = [];
  bench.names.scripts.set(
    "sleeper",
    script(async (start, session) => {
      runs.push(`${start.runId} ${start.attempt}`);
      await sleep(start, session, "nap", 86_400_000);
      return "rested";
    }),
  );
  const { taskId, runId } = await bench.create("sleeper");
  await bench.seen("run.sleeping", taskId);
  await bench.clock.advance(86_399_999);
  expect((await bench.task(taskId)).state).toBe("sleeping");
  await bench.clock.advance(1);
  await bench.seen("run.completed", taskId);
  expect(runs).toEqual([`${runId} 1`, `${runId} 1`]);
});

test("an event emitted before the wait is delivered, and a second emit changes nothing", async () => {
  bench.names.scripts.set(
    "waiter",
    script((start, session) => event(start, session, "order")),
  );
  await bench.engine.emit("order", json({ n: 1 }));
  expect(await bench.engine.emit("order", json({ n: 2 }))).toMatchObject({ first: false });
  const { taskId } = await bench.create("waiter");
  await bench.seen("run.completed", taskId);
  expect(JSON.parse((await bench.task(taskId)).output!)).toEqual({ kind: "event", value: { n: 1 } });
});

test("an emit wakes everyone who waits, with a null that is not a timeout", async () => {
  bench.names.scripts.set(
    "waiter",
    script((start, session) => event(start, session, "go", 60_000)),
  );
  const tasks = [await bench.create("waiter"), await bench.create("waiter")];
  for (const { taskId } of tasks) await bench.seen("run.sleeping", taskId);
  expect((await bench.engine.emit("go", json(null))).woken).toHaveLength(2);
  for (const { taskId } of tasks) {
    await bench.seen("run.completed", taskId);
    expect(JSON.parse((await bench.task(taskId)).output!)).toEqual({ kind: "event", value: null });
  }
});

test("a wait that times out says so, once, and the deadline is the first one also after a crash", async () => {
  bench.names.scripts.set(
    "waiter",
    script((start, session) => event(start, session, "never", 10_000)),
  );
  const { taskId } = await bench.create("waiter");
  await bench.seen("run.sleeping", taskId);
  await bench.clock.advance(10_000);
  await bench.seen("run.completed", taskId);
  expect(JSON.parse((await bench.task(taskId)).output!)).toEqual({ kind: "timeout", value: null });
  expect((await bench.engine.emit("never", json(1))).woken).toHaveLength(0);
});

test("a parent that waits for its child holds no slot: one slot is enough for both", async () => {
  bench.names.scripts.set(
    "child",
    script((start, session) => step(start, session, "s", () => "from the child")),
  );
  bench.names.scripts.set(
    "parent",
    script(async (start, session) => {
      const answer = await session.call({
        type: "ctx.workflow.start",
        ordinal: "1",
        args: json({ workflow_name: "child", input: { a: 1 } }),
      });
      if (!answer.ok) throw new Error(answer.error);
      const child = JSON.parse(answer.value) as { task_id: string; created: boolean };
      return wait(start, session, { step: "child", kind: "task", target: child.task_id, delayMs: null });
    }),
  );
  const { taskId } = await bench.create("parent");
  await bench.seen("run.completed", taskId);
  const outcome = JSON.parse((await bench.task(taskId)).output!) as { kind: string; value: Record<string, unknown> };
  expect(outcome).toMatchObject({
    kind: "task",
    value: { workflow_name: "child", status: "completed", output: "from the child" },
  });
  const children = await bench.store.reads.list({ parentTaskId: taskId as never, limit: 10 });
  // The parent ran twice and derived the same key both times.
  expect(children).toHaveLength(1);
  expect(children[0]!.task.cause).toEqual({ kind: "child", ref: taskId });
});

test("an unknown or disallowed child is an error the handler can catch", async () => {
  bench.names.scripts.set(
    "parent",
    script(async (_start, session) =>
      session.call({ type: "ctx.workflow.start", ordinal: "1", args: json({ workflow_name: "nobody" }) }),
    ),
  );
  const { taskId } = await bench.create("parent");
  await bench.seen("run.completed", taskId);
  expect(JSON.parse((await bench.task(taskId)).output!)).toMatchObject({
    ok: false,
    error: expect.stringContaining("unknown workflow: nobody"),
  });
});

test("an unknown ctx request is answered, not fatal", async () => {
  bench.names.scripts.set(
    "asks",
    script((_start, session) => session.call({ type: "ctx.dance", ordinal: "1", args: json({}) })),
  );
  const { taskId } = await bench.create("asks");
  await bench.seen("run.completed", taskId);
  expect(JSON.parse((await bench.task(taskId)).output!)).toEqual({
    ok: false,
    error: "unsupported context request type ctx.dance",
  });
});

test("a cancelled sleeper never wakes", async () => {
  bench.names.scripts.set(
    "sleeper",
    script((start, session) => sleep(start, session, "nap", 1_000)),
  );
  const { taskId, runId } = await bench.create("sleeper");
  await bench.seen("run.sleeping", taskId);
  expect(await bench.engine.cancel(runId)).toMatchObject({ changed: true, state: "cancelled" });
  await bench.clock.advance(10_000);
  expect((await bench.task(taskId)).state).toBe("cancelled");
  expect(bench.events.filter((one) => one.type === "run.started")).toHaveLength(1);
});

test("a pending run is cancelled before it starts, and a completed one stays completed", async () => {
  const gate = Promise.withResolvers<void>();
  bench.names.scripts.set(
    "holds",
    script(() => gate.promise),
  );
  const first = await bench.create("holds");
  const second = await bench.create("holds");
  await bench.seen("run.started", first.taskId);
  expect(await bench.engine.cancel(second.taskId)).toMatchObject({ changed: true });
  gate.resolve();
  await bench.seen("run.completed", first.taskId);
  expect(await bench.engine.cancel(first.taskId)).toMatchObject({ changed: false, state: "completed" });
  expect(bench.events.filter((one) => one.type === "run.started")).toHaveLength(1);
});

test("cancelling a running task aborts its work, and whatever that still writes is refused", async () => {
  const late = Promise.withResolvers<unknown>();
  bench.names.scripts.set("works", async (_start, session, signal) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    late.resolve(await session.step({ name: "late", value: json(1), durationMs: 0 }));
    return { kind: "result", value: json("too late") };
  });
  const { taskId } = await bench.create("works");
  await bench.seen("run.started", taskId);
  await bench.engine.cancel(taskId);
  expect(await late.promise).toEqual({ ok: false, gone: "cancelled" });
  expect(await bench.task(taskId)).toMatchObject({ state: "cancelled", output: null });
});

test("a parent learns that its child was cancelled", async () => {
  bench.names.scripts.set(
    "child",
    script((start, session) => sleep(start, session, "long", 1e9)),
  );
  bench.names.scripts.set(
    "parent",
    script(async (start, session) => {
      const answer = await session.call({
        type: "ctx.workflow.start",
        ordinal: "1",
        args: json({ workflow_name: "child" }),
      });
      const { task_id } = JSON.parse((answer as { value: string }).value) as { task_id: string };
      return wait(start, session, { step: "w", kind: "task", target: task_id, delayMs: null });
    }),
  );
  const { taskId } = await bench.create("parent");
  await bench.seen("run.sleeping", undefined, 2);
  const [child] = await bench.store.reads.list({ parentTaskId: taskId as never, limit: 1 });
  await bench.engine.cancel(child!.task.taskId);
  await bench.seen("run.completed", taskId);
  expect(JSON.parse((await bench.task(taskId)).output!)).toMatchObject({
    kind: "task",
    value: { status: "cancelled" },
  });
});

test("a failed task can be retried with its checkpoints, any other cannot", async () => {
  let broken = true;
  let bodies = 0;
  bench.names.scripts.set(
    "mend",
    script(async (start, session) => {
      await step(start, session, "s", () => (bodies += 1));
      if (broken) throw new Error("broken");
      return "mended";
    }),
  );
  const { taskId } = await bench.create("mend", {}, { maxAttempts: 1 });
  await bench.seen("run.failed", taskId);
  broken = false;
  expect(await bench.engine.retry(taskId)).toMatchObject({ attempt: 2 });
  await bench.seen("run.completed", taskId);
  expect(bodies).toBe(1);
  await expect(bench.engine.retry(taskId)).rejects.toMatchObject({ code: "conflict" });
  await expect(bench.engine.retry("00000000-0000-7000-8000-000000000000")).rejects.toMatchObject({ code: "not_found" });
});

test("the event name of a Python wait is the reference's", async () => {
  bench.names.scripts.set(
    "waiter",
    script((start, session) => event(start, session, 'python:["order.paid","7"]')),
  );
  const { taskId } = await bench.create("waiter");
  await bench.seen("run.sleeping", taskId);
  await bench.engine.emit(pythonEventName("order.paid", "7"), json(7));
  await bench.seen("run.completed", taskId);
});
