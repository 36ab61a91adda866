// A run that waits for an agent: its lease, its place in the queue, and what becomes of calls that nobody waits for.
import { afterEach, expect, test } from "vitest";
import type { JsonText } from "../../src/core/json-text.ts";
import type { EffectContext } from "../../src/ports/effects.ts";
import type { EngineSettings } from "../../src/engine/settings.ts";
import { DEFAULT_CONCURRENCY } from "../../src/core/queues.ts";
import { openBench, type Bench } from "../support/engine-bench.ts";
import { script, type Script } from "../support/scripted-host.ts";

interface Agent {
  readonly context: EffectContext;
  answer(value: unknown): void;
}

let bench: Bench | null = null;
let asked: Agent[] = [];
let waiting: (() => void)[] = [];

afterEach(async () => {
  asked.forEach((agent) => agent.answer(null));
  await bench?.close();
  bench = null;
  asked = [];
});

const LENDING = { lendDuring: new Set(["ctx.agent_turn"]), lendLimit: 8 };

async function open(most: number, settings: Partial<EngineSettings> = LENDING): Promise<Bench> {
  bench = await openBench({
    settings: { concurrency: { ...DEFAULT_CONCURRENCY, centaur_workflows: most }, ...settings },
    effects: {
      types: new Set(["ctx.agent_turn"]),
      call: (_type, _args, context) =>
        new Promise((resolve, reject) => {
          context.signal.addEventListener("abort", () => reject(new Error(String(context.signal.reason))));
          asked.push({ context, answer: (value) => resolve(JSON.stringify(value) as JsonText) });
          waiting.splice(0).forEach((look) => look());
        }),
    },
  });
  return bench;
}

/** The n-th turn that was asked for. */
async function turn(number: number): Promise<Agent> {
  while (asked.length < number) await new Promise<void>((resolve) => waiting.push(resolve));
  return asked[number - 1]!;
}

const ask = { type: "ctx.agent_turn", ordinal: "1", args: "{}" as JsonText };
const asks: Script = script(async (_start, session) => (await session.call(ask)).ok);

test("a run in an agent's turn lends its place, and takes it back before a new run begins", async () => {
  const at = await open(2);
  at.names.scripts.set("asks", asks);
  const order: string[] = [];
  const holds = Promise.withResolvers<void>();
  for (const name of ["one", "two", "three"]) {
    at.names.scripts.set(
      name,
      script(async () => void order.push(name, String(await holds.promise))),
    );
  }
  const agent = await at.create("asks");
  await turn(1);
  const one = await at.create("one");
  const two = await at.create("two");
  const three = await at.create("three");
  await Promise.all([at.seen("run.started", one.taskId), at.seen("run.started", two.taskId)]);
  asked[0]!.answer("done");
  await new Promise(setImmediate);
  expect(at.events.some((event) => event.type === "run.completed")).toBe(false);
  expect(at.events.some((event) => event.type === "run.started" && event.taskId === three.taskId)).toBe(false);
  holds.resolve();
  await at.seen("run.completed", agent.taskId);
  await at.seen("run.completed", three.taskId);
  const ends = at.events.filter((event) => event.type === "run.completed" || event.type === "run.started");
  const place = (type: string, id: string): number =>
    ends.findIndex((event) => event.type === type && event.taskId === id);
  expect(place("run.completed", agent.taskId)).toBeGreaterThan(place("run.started", two.taskId));
  expect(order[0]).toBe("one");
});

test("holding its place is the default", async () => {
  const at = await open(2, {});
  at.names.scripts.set("asks", asks);
  at.names.scripts.set(
    "quick",
    script(async () => 1),
  );
  await at.create("asks");
  await at.create("asks");
  await turn(2);
  const quick = await at.create("quick");
  await new Promise(setImmediate);
  expect(at.events.some((event) => event.type === "run.started" && event.taskId === quick.taskId)).toBe(false);
  asked[0]!.answer(1);
  await at.seen("run.completed", quick.taskId);
});

test("no more places are lent than the limit, and a queue of one never lends its own", async () => {
  const at = await open(2, { ...LENDING, lendLimit: 1 });
  at.names.scripts.set("asks", asks);
  at.names.scripts.set("slack_sync", asks);
  for (let count = 0; count < 6; count += 1) await at.create("asks");
  await at.create("slack_sync");
  await at.create("slack_sync");
  await turn(4);
  await new Promise(setImmediate);
  const begun = at.events.filter((event) => event.type === "run.started");
  expect(begun.filter((event) => event.workflowName === "asks")).toHaveLength(3);
  expect(begun.filter((event) => event.workflowName === "slack_sync")).toHaveLength(1);
});

test("two turns of one run lend one place, and a cancel while it waits for it loses none", async () => {
  const at = await open(2);
  at.names.scripts.set(
    "both",
    script(async (_start, session) => Promise.all([session.call(ask), session.call({ ...ask, ordinal: "2" })])),
  );
  at.names.scripts.set(
    "quick",
    script(async () => 1),
  );
  const holds = Promise.withResolvers<void>();
  at.names.scripts.set(
    "holds",
    script(() => holds.promise),
  );
  const both = await at.create("both");
  await turn(2);
  const others = [await at.create("holds"), await at.create("holds")];
  await Promise.all(others.map((one) => at.seen("run.started", one.taskId)));
  asked.forEach((agent) => agent.answer(1));
  await new Promise(setImmediate);
  await at.engine.cancel(both.taskId);
  holds.resolve();
  await Promise.all(others.map((one) => at.seen("run.completed", one.taskId)));
  for (let count = 0; count < 3; count += 1) await at.seen("run.completed", (await at.create("quick")).taskId);
});

test("the lease of a run in a turn of an hour is kept", async () => {
  const at = await open(2, { ...LENDING, leaseMs: 120_000 });
  at.names.scripts.set("asks", asks);
  const { taskId } = await at.create("asks");
  await turn(1);
  for (let minute = 0; minute < 60; minute += 1) await at.clock.advance(60_000);
  asked[0]!.answer("late");
  await at.seen("run.completed", taskId);
  expect(at.events.filter((event) => event.type === "run.started" && event.taskId === taskId)).toHaveLength(1);
});

test("a turn that is not awaited is stopped when the run ends, and the run's log says so", async () => {
  const at = await open(2);
  at.names.scripts.set(
    "careless",
    script(async (_start, session) => {
      void session.call(ask);
      await turn(1);
      return 1;
    }),
  );
  const { taskId } = await at.create("careless");
  await at.seen("run.log", taskId);
  expect((await turn(1)).context.signal.reason).toBe("ended");
  expect(at.events.find((event) => event.type === "run.log")).toMatchObject({
    level: "warn",
    message: expect.stringContaining("ctx.agent_turn"),
  });
});

test("a turn under way when the attempt fails may be asked for again; after the last attempt it may not", async () => {
  const at = await open(2);
  at.names.scripts.set("fails", async (_start, session) => {
    const number = asked.length + 1;
    void session.call(ask);
    await turn(number);
    return { kind: "error", failure: { name: "Error", message: "no" }, retryable: true };
  });
  const { taskId } = await at.create("fails", {}, { maxAttempts: 2 });
  await at.seen("run.failed", taskId, 1);
  await at.clock.advance(60_000);
  await at.seen("run.failed", taskId, 2);
  await new Promise(setImmediate);
  expect(asked.map((agent) => agent.context.signal.reason as string)).toEqual(["again", "ended"]);
  expect(asked[0]!.context.ordinal).toBe(asked[1]!.context.ordinal);
});

test("a cancelled task's turn hears that it was cancelled, a stopped runtime's that it stops", async () => {
  const at = await open(2);
  at.names.scripts.set("asks", async (_start, session, signal) => {
    void session.call(ask);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return { kind: "dropped" };
  });
  const { taskId } = await at.create("asks");
  await turn(1);
  await at.engine.cancel(taskId);
  await at.seen("run.cancelled", taskId);
  await at.create("asks");
  await turn(2);
  await at.engine.stop();
  expect(asked.map((agent) => agent.context.signal.reason as string)).toEqual(["cancelled", "shutdown"]);
});
