// A host that knows only the baseline protocol, driven as the reference drives it.
import path from "node:path";
import { expect, test } from "vitest";
import type { JsonText } from "../../src/core/json-text.ts";
import type { GenerationHost, RunEnd } from "../../src/ports/host.ts";
import type { Recorded } from "../../src/ports/store-types.ts";
import { MemorySession, NEVER, runOf } from "./host-fixtures/session.ts";
import { FIXTURES, eventually, isRunning, openProject, type Project } from "./host-fixtures/project.ts";

const GET = { type: "ctx.step.get", step: "one" };
const put = (value: unknown): object => ({ type: "ctx.step.put", checkpoint_name: "one", value });
const WAIT = { type: "ctx.event.wait", step: "paid", event_type: "order", correlation_id: "7", timeout_seconds: 5 };

async function open(): Promise<Project & { generation: GenerationHost }> {
  const project = openProject({ baselinePath: path.join(FIXTURES, "baseline-host.py") });
  const loaded = await project.host.load();
  return { ...project, generation: loaded!.host };
}

async function run(requests: readonly unknown[], session: MemorySession, recorded: Recorded[] = []): Promise<RunEnd> {
  const { generation } = await open();
  return generation.run(runOf("scripted", { requests }, recorded), session, NEVER);
}

function answersOf(end: RunEnd): unknown[] {
  if (end.kind !== "result") throw new Error(`the run ended as ${JSON.stringify(end)}`);
  return (JSON.parse(end.value) as { ok: boolean; value?: unknown; error?: string }[]).map(
    (answer) => answer.value ?? answer.error,
  );
}

test("discovery tells workflows and their webhook specs", async () => {
  const { host } = openProject({ baselinePath: path.join(FIXTURES, "baseline-host.py") });
  const loaded = await host.load();
  expect(loaded!.discovery.workflows).toMatchObject([
    { workflowName: "scripted", sourcePath: "/scripted.py", webhooks: [{ slug: "hook" }], schedule: null },
  ]);
  expect(await host.load({ unless: loaded!.discovery.generation.id })).toBeNull();
});

test("a step is fetched, put and counted by name", async () => {
  const session = new MemorySession();
  const end = await run([GET, put({ a: 1 }), GET], session, [
    { name: "one#2", kind: "step", value: '"second"' as JsonText },
  ]);
  expect(answersOf(end)).toEqual([
    { done: false, checkpoint_name: "one" },
    { a: 1 },
    { done: true, checkpoint_name: "one#2", value: "second" },
  ]);
  expect(session.steps).toMatchObject([{ name: "one", value: '{"a": 1}' }]);
});

test("a wait ends the process without an answer", async () => {
  const { generation, host } = await open();
  const session = new MemorySession();
  const sleep = { type: "ctx.sleep", step: "nap", duration_seconds: 1.5 };
  const ending = generation.run(runOf("scripted", { requests: [sleep] }), session, NEVER);
  const { pid } = host.status()[0]!;
  expect(await ending).toEqual({ kind: "dropped" });
  expect(session.waits).toEqual([{ step: "nap", kind: "sleep", target: null, delayMs: 1_500 }]);
  await eventually(() => !isRunning(pid));
});

test("a recorded wait is answered, a timeout as an error", async () => {
  const until = { type: "ctx.sleep_until", step: "dawn", wake_at: "2026-01-01T06:00:00Z" };
  const end = await run([WAIT, until, { ...WAIT, step: "late" }], new MemorySession(), [
    { name: "paid", kind: "event", value: '{"sum":5}' as JsonText },
    { name: "dawn", kind: "sleep", value: "null" as JsonText },
    { name: "late", kind: "timeout", value: "null" as JsonText },
  ]);
  expect(answersOf(end)).toEqual([{ sum: 5 }, { slept: true }, expect.stringMatching(/^timed out waiting for event/)]);
});

test("an event wait names the event as the reference stores it", async () => {
  const session = new MemorySession();
  await run([WAIT], session);
  expect(session.waits).toEqual([{ step: "paid", kind: "event", target: 'python:["order","7"]', delayMs: 5_000 }]);
});

test("calls get ordinals that a replay derives again, inside and outside of steps", async () => {
  const session = new MemorySession();
  session.onCall = ({ type }) => ({ ok: true, value: JSON.stringify(type) as JsonText });
  const turn = { type: "ctx.agent_turn", args: { text: "hi" } };
  const child = { type: "ctx.workflow.start", workflow_name: "other", input: { n: 12345678901234567890n.toString() } };
  const end = await run([turn, GET, turn, put(1), turn, child], session);
  expect(end.kind).toBe("result");
  expect(session.calls.map(({ type, ordinal }) => [type, ordinal])).toEqual([
    ["ctx.agent_turn", "1"],
    ["ctx.agent_turn", "one/1"],
    ["ctx.agent_turn", "2"],
    ["ctx.workflow.start", "1"],
  ]);
  expect(JSON.parse(session.calls[0]!.args)).toEqual({ text: "hi" });
});

test("logs and metrics are taken without an answer", async () => {
  const session = new MemorySession();
  const metric = { type: "ctx.metric", kind: "counter", name: "orders", value: 2, labels: { shop: "a" } };
  await run([{ type: "ctx.log", message: "hello", fields: { a: 1 } }, metric], session);
  expect(session.lines).toEqual([{ level: "info", source: "log", message: "hello", fields: '{"a": 1}' }]);
  expect(session.metrics).toEqual([{ kind: "counter", name: "orders", value: 2, labels: '{"shop": "a"}' }]);
});

test("a line that is not JSON fails the attempt", async () => {
  const end = await run(["garbage", GET], new MemorySession());
  expect(end).toMatchObject({
    kind: "error",
    retryable: true,
    failure: { message: expect.stringContaining("not JSON") },
  });
});

test("an error of the workflow carries message and traceback", async () => {
  const end = await run(["raise"], new MemorySession());
  expect(end).toMatchObject({
    kind: "error",
    failure: { message: "Python workflow host error: it went wrong", traceback: "Traceback: line 1" },
  });
});

test("a process that ends without a result is a crash of that run", async () => {
  const end = await run(["exit"], new MemorySession());
  expect(end).toMatchObject({
    kind: "crashed",
    blame: true,
    failure: { name: "$HostCrashed", message: expect.stringContaining("status 7"), traceback: "last words" },
  });
});

test("malformed arguments of a sleep are refused, those of an event wait end the attempt", async () => {
  const sleep = { type: "ctx.sleep", step: "nap", duration_seconds: "soon" };
  expect(answersOf(await run([sleep], new MemorySession()))).toEqual(["ctx.sleep needs a number of duration_seconds"]);
  const end = await run([{ ...WAIT, event_type: 5 }], new MemorySession());
  expect(end.kind).toBe("error");
});

test("Chiron's own host serves as a baseline host", async () => {
  const { host } = openProject({ baselinePath: path.join(FIXTURES, "../../../adapters/python/workflow-host") });
  const loaded = await host.load();
  const session = new MemorySession();
  const end = await loaded!.host.run(runOf("steps", { count: 2 }), session, NEVER);
  expect(end.kind === "result" && JSON.parse(end.value)).toEqual([{ number: 0 }, { number: 1 }]);
  expect(session.steps.map((step) => step.name)).toEqual(["step 0", "step 1"]);
});
