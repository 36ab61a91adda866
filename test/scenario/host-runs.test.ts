// Runs on the real Python host: steps, waits, calls, cancellation, large values and captured output.
import { expect, test } from "vitest";
import type { JsonText } from "../../src/core/json-text.ts";
import { MemorySession, NEVER, runOf } from "./host-fixtures/session.ts";
import { SAMPLES, openProject } from "./host-fixtures/project.ts";

test("a load answers what the folders declare and every file's hash", async () => {
  const { host, events } = openProject();
  const loaded = await host.load();
  const names = loaded!.discovery.workflows.map((workflow) => workflow.workflowName);
  expect(names).toContain("steps");
  expect(loaded!.discovery.problems).toEqual([]);
  expect(loaded!.discovery.files.get(`${SAMPLES}/steps.py`)).toMatch(/^[0-9a-f]{64}$/);
  expect(events[0]).toMatchObject({ type: "host.started" });
  expect(host.status()).toMatchObject([{ activeRuns: 0, stalledMs: 0, generation: loaded!.discovery.generation.id }]);
});

test("a load of unchanged folders starts nothing", async () => {
  const { host, events } = openProject();
  const loaded = await host.load();
  expect(await host.load({ unless: loaded!.discovery.generation.id })).toBeNull();
  expect(events.filter((event) => event.type === "host.started")).toHaveLength(1);
});

test("a run records its steps in order and ends with the handler's value", async () => {
  const loaded = await openProject().host.load();
  const session = new MemorySession();
  const end = await loaded!.host.run(runOf("steps", { count: 3 }), session, NEVER);
  expect(end).toEqual({ kind: "result", value: '[{"number":0},{"number":1},{"number":2}]' });
  expect(session.steps.map((step) => step.name)).toEqual(["step 0", "step 1", "step 2"]);
  expect(session.steps[0]!.position).toMatch(/steps\.py:\d+$/);
  expect(session.lines).toContainEqual({ level: "info", source: "stdout", message: "printed 3", fields: null });
});

test("a recorded step is not asked for again and gives the recorded value", async () => {
  const loaded = await openProject().host.load();
  const session = new MemorySession();
  const recorded = [{ name: "step 0", kind: "step" as const, value: '{"number":\t"old"}\n' as JsonText }];
  const end = await loaded!.host.run(runOf("steps", { count: 2 }, recorded), session, NEVER);
  expect(end).toEqual({ kind: "result", value: '[{"number":"old"},{"number":1}]' });
  expect(session.steps.map((step) => step.name)).toEqual(["step 1"]);
});

test("a kept value is what the handler sees instead of its own", async () => {
  const loaded = await openProject().host.load();
  const session = new MemorySession();
  session.onStep = ({ name }) => ({ ok: true, kept: { name, kind: "step", value: '"first"' as JsonText } });
  const end = await loaded!.host.run(runOf("steps", { count: 1 }), session, NEVER);
  expect(end).toEqual({ kind: "result", value: '["first"]' });
});

test("a run whose claim is lost at a step goes no further", async () => {
  const loaded = await openProject().host.load();
  const session = new MemorySession();
  session.onStep = () => ({ ok: false, gone: "lease_lost" });
  expect(await loaded!.host.run(runOf("steps"), session, NEVER)).toEqual({ kind: "dropped" });
  expect(session.steps).toHaveLength(1);
});

test("a wait that the engine takes on freezes the run without its finally blocks", async () => {
  const loaded = await openProject().host.load();
  const session = new MemorySession();
  expect(await loaded!.host.run(runOf("waits"), session, NEVER)).toEqual({ kind: "dropped" });
  expect(session.waits).toEqual([{ step: "nap", kind: "sleep", target: null, delayMs: 60_000 }]);
  // Another run through the same process: whatever the first one had to say would have come before.
  await loaded!.host.run(runOf("steps"), new MemorySession(), NEVER);
  expect(session.messages).not.toContain("finally");
});

test("a wait that is already over goes on in the same process", async () => {
  const loaded = await openProject().host.load();
  const session = new MemorySession();
  session.onSuspend = ([wait]) => ({
    suspended: false,
    resolved: [{ name: wait!.step, kind: "sleep", value: "null" as JsonText }],
  });
  const end = await loaded!.host.run(runOf("waits"), session, NEVER);
  expect(end).toEqual({ kind: "result", value: '"slept"' });
});

test("a call reaches the engine with its ordinal and its answer reaches the handler", async () => {
  const loaded = await openProject().host.load();
  const session = new MemorySession();
  session.onCall = () => ({ ok: true, value: '{\n\t"sky": "grün"\n}' as JsonText });
  const end = await loaded!.host.run(runOf("asks"), session, NEVER);
  expect(end).toEqual({ kind: "result", value: '{"sky":"gr\\u00fcn"}' });
  expect(session.calls).toMatchObject([{ type: "ctx.call_tool", ordinal: "1" }]);
  expect(JSON.parse(session.calls[0]!.args)).toEqual({ tool: "weather", method: "today", args: { city: "Köln" } });
});

test("a refused call is a RuntimeError that the handler may catch", async () => {
  const loaded = await openProject().host.load();
  const session = new MemorySession();
  session.onCall = () => ({ ok: false, error: "no such tool" });
  const end = await loaded!.host.run(runOf("asks"), session, NEVER);
  expect(end).toEqual({ kind: "result", value: '"refused: no such tool"' });
});

test.each([131_072, 10_000_000])("a value of %i characters passes in both directions", async (characters) => {
  const loaded = await openProject().host.load();
  const session = new MemorySession();
  const end = await loaded!.host.run(runOf("big", { characters, text: "é".repeat(characters) }), session, NEVER);
  expect(end.kind).toBe("result");
  const result = JSON.parse((end as { value: string }).value) as { given: number; value: string };
  expect(result.given).toBe(characters);
  expect(result.value).toBe("ä".repeat(characters));
});

test("output of 50 MB is cut off and does not stop the run", async () => {
  const loaded = await openProject().host.load();
  const session = new MemorySession();
  const end = await loaded!.host.run(runOf("noisy", { megabytes: 50 }), session, NEVER);
  expect(end).toEqual({ kind: "result", value: '"quiet"' });
  const bytes = session.lines.reduce((sum, line) => sum + line.message.length, 0);
  expect(bytes).toBeLessThan(1_200_000);
  expect(session.messages.some((message) => message.startsWith("log truncated"))).toBe(true);
});

test("many runs share one process", async () => {
  const { host, events } = openProject();
  const loaded = await host.load();
  const ends = await Promise.all(
    Array.from({ length: 50 }, () => loaded!.host.run(runOf("steps", { count: 20 }), new MemorySession(), NEVER)),
  );
  expect(ends.every((end) => end.kind === "result")).toBe(true);
  expect(events.filter((event) => event.type === "host.started")).toHaveLength(1);
});

test("a cancelled handler runs its finally blocks and its process serves on", async () => {
  const { host } = openProject();
  const loaded = await host.load();
  const session = new MemorySession();
  const abort = new AbortController();
  const ending = loaded!.host.run(runOf("idles"), session, abort.signal);
  await session.logged("begun");
  const [before] = host.status();
  abort.abort("cancelled");
  expect(await ending).toEqual({ kind: "dropped" });
  expect(session.messages).toContain("finally");
  const end = await loaded!.host.run(runOf("steps", { count: 1 }), new MemorySession(), NEVER);
  expect(end.kind).toBe("result");
  expect(host.status().map(({ pid }) => pid)).toEqual([before!.pid]);
});

test("a run whose signal has already aborted is not started", async () => {
  const loaded = await openProject().host.load();
  const session = new MemorySession();
  expect(await loaded!.host.run(runOf("steps"), session, AbortSignal.abort())).toEqual({ kind: "dropped" });
  expect(session.steps).toEqual([]);
});
