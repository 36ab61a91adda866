// Replays with real Python: a failed run on its own and on changed code, many runs as a check, and what a reload tells of unfinished runs.
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, runChiron, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const ORDER = `
import asyncio, os
WORKFLOW_NAME = "order"


async def handler(inp, ctx):
    order = await ctx.step("load", lambda: {"cents": inp["cents"]})
    both = await asyncio.gather(*(ctx.step(name, lambda: name) for name in ("left", "right")))
    if inp.get("wait"):
        await ctx.wait_for_event("paid", "paid", inp["wait"])
    await ctx.step("charge", lambda: open(os.environ["LEDGER"], "a").write("charged") / (order["cents"] - 500))
    return order["cents"]
`;

/** Fails at "fetch" in every attempt, catches that, and goes on. */
const CAREFUL = `
WORKFLOW_NAME = "careful"


def broken():
    raise ValueError("no")


async def handler(inp, ctx):
    try:
        await ctx.step("fetch", broken)
    except ValueError:
        pass
    return await ctx.step("after", lambda: 1)
`;

let project: Project;
let server: Chiron;

beforeEach(async () => {
  project = makeProject({ "workflows/order.py": ORDER, "workflows/careful.py": CAREFUL });
  server = await startChiron(project, { LEDGER: `${project.dir}/ledger` });
});

afterEach(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

async function begin(workflow_name: string, input: unknown): Promise<string> {
  const { body } = await server.post("/api/workflows/runs", { workflow_name, input, max_attempts: 1 });
  return body.task_id;
}

async function finished(workflow: string, input: unknown): Promise<string> {
  const taskId = await begin(workflow, input);
  await server.finished(taskId);
  return taskId;
}

async function save(name: string, from: string, to: string): Promise<void> {
  const reloaded = server.nextEvent((event) => event["type"] === "catalog.reloaded");
  project.write(`workflows/${name}.py`, project.read(`workflows/${name}.py`).replaceAll(from, to));
  await reloaded;
}

const replay = async (taskId: string, body: object = {}) =>
  (await server.post(`/api/workflows/runs/${taskId}/replay`, body)).body;

const fates = (answer: { plan: readonly { name: string; fate: string }[] }) =>
  Object.fromEntries(answer.plan.map(({ name, fate }) => [name, fate]));

test("a failed run is followed to the step it failed in, and nothing of it happens again", async () => {
  const taskId = await finished("order", { cents: 500 });
  expect(project.read("ledger")).toBe("charged");
  const events = server.events.length;
  const answer = await replay(taskId);
  expect(answer).toMatchObject({ ok: true, divergence: null, end: { kind: "stands", at: ["charge"] } });
  expect(fates(answer)).toEqual({ load: "kept", left: "kept", right: "kept", charge: "new" });
  expect(answer.plan[0].position).toBe(`${project.workflows}/order.py:7`);
  expect(project.read("ledger")).toBe("charged");
  expect(server.events.slice(events).filter((event) => String(event["type"]).startsWith("run."))).toEqual([]);
});

test("edited results, another input, stubs and a place to begin from are tried", async () => {
  const taskId = await finished("order", { cents: 500 });
  expect(await replay(taskId, { steps: "stub", stubs: { charge: 1 } })).toMatchObject({
    end: { kind: "result", value: 500 },
  });
  const edited = await replay(taskId, { steps: "stub", stubs: { charge: 1 }, set: { "#1": { cents: 700 } } });
  expect(edited).toMatchObject({ end: { kind: "result", value: 700 } });
  expect(fates(edited)).toMatchObject({ load: "edited" });
  const again = await replay(taskId, { from: "left", steps: "stub", stubs: { charge: 1 } });
  expect(fates(again)).toEqual({ load: "kept", left: "redone", right: "redone", charge: "new" });
  expect(await replay(taskId, { input: {}, from: 1, steps: "live" })).toMatchObject({
    end: { kind: "error", failure: { name: "KeyError" } },
  });
  expect(await replay(taskId, { steps: "block" })).toMatchObject({ end: { failure: { name: "RuntimeError" } } });
});

test("what cannot be replayed is refused with what was meant", async () => {
  const taskId = await finished("order", { cents: 500 });
  expect(await replay(taskId, { from: "lod" })).toMatchObject({ code: "bad_request", hint: "Did you mean load?" });
  expect(await replay(taskId, { from: 9 })).toMatchObject({ code: "bad_request" });
  expect(await replay(taskId, { set: { nothing: 1 } })).toMatchObject({ code: "bad_request" });
  expect(await replay(taskId, { stubs: { charge: 1 } })).toMatchObject({ code: "bad_request" });
  expect(await replay("01a20589-3f93-72c6-bfba-779db2ec990b")).toMatchObject({ code: "not_found" });
});

test("changed code is told by its first divergence, and the code of then still follows", async () => {
  const taskId = await finished("order", { cents: 600 });
  await save("order", `"right"`, `"other"`);
  const answer = await replay(taskId);
  expect(answer.divergence).toMatchObject({ reason: "new", name: "other" });
  expect(fates(answer)).toEqual({ load: "kept", left: "kept", other: "new", right: "skipped", charge: "skipped" });
  expect(await replay(taskId, { code: "original" })).toMatchObject({ divergence: null, end: { value: 600 } });
});

test("many are checked at once: an exit code for CI, and no false alarm about a failure that was caught", async () => {
  await finished("order", { cents: 600 });
  await finished("careful", {});
  const all = await runChiron(project.dir, ["replay", "--all", "--check", "--json"]);
  expect(JSON.parse(all.stdout)).toMatchObject({ ok: true, checked: 2, follows: 1, diverged: 0, unclear: 1 });
  expect(all.code).toBe(0);
  await save("order", `return order["cents"]`, `return 1`);
  const changed = await runChiron(project.dir, ["replay", "--all", "--check"]);
  expect(changed.code).toBe(3);
  expect(changed.stdout).toContain("it leaves the record: the handler returns 1, where it had returned 600");
  expect((await runChiron(project.dir, ["replay", "--all"])).code).toBe(0);
});

test("a reload tells which unfinished runs would leave their record", async () => {
  const taskId = await begin("order", { cents: 600, wait: "x" });
  await server.nextEvent((event) => event["type"] === "run.sleeping");
  const told = server.nextEvent((event) => event["type"] === "replay.diverged");
  const checked = server.nextEvent((event) => event["type"] === "replay.checked");
  await save("order", `"load"`, `"fetch"`);
  expect(await told).toMatchObject({ taskId, workflowName: "order", position: `${project.workflows}/order.py:7` });
  expect(await checked).toMatchObject({ runs: 1, diverged: 1 });
  const again = server.nextEvent((event) => event["type"] === "replay.checked" || event["type"] === "replay.diverged");
  await save("order", `"fetch"`, `"load"`);
  await save("order", `"paid", "paid"`, `"settled", "paid"`);
  expect(await again).toMatchObject({ type: "replay.diverged", message: expect.stringContaining("event paid") });
});

test("code between steps that reaches outside is stopped there", async () => {
  const taskId = await finished("order", { cents: 600 });
  await save("order", "    both =", `    open(os.environ["LEDGER"], "a").write("twice")\n    both =`);
  expect(await replay(taskId)).toMatchObject({ end: { kind: "blocked", failure: { name: "OutsideStep" } } });
  expect(project.read("ledger")).toBe("charged");
});
