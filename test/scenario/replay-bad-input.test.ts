// Records and code that a replay cannot go along with: each has an outcome with a name, and the engine goes on.
import fs from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const WORKFLOW = `
import os
WORKFLOW_NAME = "w"


async def handler(inp, ctx):
    for number in range(inp["times"]):
        await ctx.step("turn", lambda: number)
    await ctx.step("large", lambda: "x" * inp.get("size", 1))
    if inp.get("wait"):
        await ctx.wait_for_event("go", "go", inp["wait"])
    return inp["times"]
`;

let project: Project;
let server: Chiron;

beforeEach(async () => {
  project = makeProject({ "workflows/w.py": WORKFLOW });
  server = await startChiron(project);
});

afterEach(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

async function begin(input: unknown): Promise<string> {
  return (await server.post("/api/workflows/runs", { workflow_name: "w", input })).body.task_id;
}

async function finished(input: unknown): Promise<string> {
  const taskId = await begin(input);
  expect((await server.finished(taskId)).status).toBe("completed");
  return taskId;
}

async function save(from: string, to: string): Promise<void> {
  const reloaded = server.nextEvent((event) => event["type"] === "catalog.reloaded");
  project.write("workflows/w.py", WORKFLOW.replace(from, to));
  await reloaded;
}

const replay = async (taskId: string, body: object = {}) =>
  (await server.post(`/api/workflows/runs/${taskId}/replay`, body)).body;

const fork = async (taskId: string, body: object = {}) =>
  (await server.post(`/api/workflows/runs/${taskId}/fork`, body)).body;

test("a loop that turns more or fewer times is told by the turn", async () => {
  const taskId = await finished({ times: 3 });
  expect((await replay(taskId, { input: { times: 4 } })).divergence).toMatchObject({ reason: "new", name: "turn#4" });
  expect((await replay(taskId, { input: { times: 1 } })).divergence).toMatchObject({
    reason: "skipped",
    name: "turn#2",
  });
  expect((await replay(taskId, { from: "turn#2" })).end).toMatchObject({ kind: "stands", at: ["turn#2"] });
});

test("an order turned round, a step renamed and one that became a sleep are told", async () => {
  const taskId = await finished({ times: 1 });
  await save(`ctx.step("large", lambda: "x" * inp.get("size", 1))`, `ctx.sleep("large", 1)`);
  expect((await replay(taskId)).divergence).toMatchObject({ reason: "kind", name: "large" });
  await save(`"turn"`, `"round"`);
  expect((await replay(taskId)).divergence).toMatchObject({ reason: "new", name: "round" });
});

test("a handler that ends its process ends the replay, and runs go on", async () => {
  const taskId = await finished({ times: 1 });
  await save(
    `    await ctx.step("large"`,
    `    if inp.get("times") == 1:\n        os._exit(3)\n    await ctx.step("large"`,
  );
  expect((await replay(taskId)).end).toMatchObject({ kind: "lost", message: expect.stringContaining("3") });
  await finished({ times: 2 });
});

test("code that is gone, or no longer imports, is said to be", async () => {
  const taskId = await finished({ times: 1 });
  await save("import os", "import nothing_of_this_name");
  // The last good version serves on.
  expect((await replay(taskId)).end).toMatchObject({ kind: "result", value: 1 });
  fs.rmSync(`${project.workflows}/w.py`);
  await server.nextEvent((event) => event["type"] === "catalog.reloaded");
  expect(await replay(taskId)).toMatchObject({ ok: false, code: "unknown_workflow" });
  expect(await replay(taskId, { code: "original" })).toMatchObject({ end: { kind: "result", value: 1 } });
  expect(await fork(taskId)).toMatchObject({ ok: false, code: "unknown_workflow" });
});

test("a run that waits is forked from what it has recorded, and both go on", async () => {
  const taskId = await begin({ times: 2, wait: "x" });
  await server.nextEvent((event) => event["type"] === "run.sleeping");
  const asleep = server.nextEvent((event) => event["type"] === "run.sleeping");
  const copy = await fork(taskId);
  expect(copy).toMatchObject({ ok: true, kept: 3 });
  await asleep;
  await server.post("/api/workflows/events", { event_type: "go", correlation_id: "x", payload: null });
  for (const id of [taskId, copy.task_id]) expect((await server.finished(id)).result.output).toBe(2);
});

test("a result of 50 MB is replayed and forked", async () => {
  const taskId = await finished({ times: 1, size: 50 * 1024 * 1024 });
  expect(await replay(taskId)).toMatchObject({ divergence: null, end: { kind: "result" } });
  const copy = await fork(taskId);
  expect((await server.finished(copy.task_id)).status).toBe("completed");
}, 60_000);
