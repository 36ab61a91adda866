// Children on the whole system, with one slot: a parent that waits holds none.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { create, ended, figure, LEDGER_MODULE, ledger, observed, withLedger } from "../fault/observe.ts";

const handler = (name: string, body: string): string =>
  `import asyncio

from api.workflow_engine import ChildWorkflowError
from workflows.ledger import note

WORKFLOW_NAME = "${name}"


async def handler(inp, ctx):
${body}`;

const WORKFLOWS = {
  "workflows/ledger.py": LEDGER_MODULE,
  "workflows/child.py": handler(
    "child",
    `    note(f"child {inp['n']}")
    await ctx.sleep("rest", 0.05)
    if inp.get("fails"):
        raise ValueError("the child fails")
    return {"n": inp["n"]}
`,
  ),
  "workflows/keyed.py": handler(
    "keyed",
    `    # Steps: a replay would ask again and hear that the child is there.
    first = await ctx.step("first", lambda: ctx.start_workflow("child", {"n": 1}, idempotency_key=inp["key"]))
    again = await ctx.step("again", lambda: ctx.start_workflow("child", {"n": 2}, idempotency_key=inp["key"]))
    return {"first": first, "again": again, "output": await ctx.wait_for_workflow(again["task_id"])}
`,
  ),
  "workflows/unkeyed.py": handler(
    "unkeyed",
    `    outputs = [await ctx.run_workflow("child", {"n": n}) for n in (10, 11)]
    if ctx.run_id == await ctx.step("the first run", lambda: ctx.run_id):
        raise ValueError("the first attempt fails")
    return outputs
`,
  ),
  "workflows/fans.py": handler(
    "fans",
    `    children = await asyncio.gather(*(ctx.start_workflow("child", {"n": n}) for n in range(20, 25)))
    return await asyncio.gather(*(ctx.wait_for_workflow(child) for child in children))
`,
  ),
  "workflows/nests.py": handler(
    "nests",
    `    return await ctx.run_workflow("nests", {"depth": inp["depth"] - 1}) + 1 if inp["depth"] else 0
`,
  ),
  "workflows/consoles.py": handler(
    "consoles",
    `    try:
        child = await ctx.start_workflow(inp["child"], inp["input"])
        await ctx.wait_for_workflow(child, timeout=inp.get("timeout"))
    except (ChildWorkflowError, RuntimeError) as error:
        return {"kind": type(error).__name__, "message": str(error), "status": getattr(error, "status", None)}
`,
  ),
  "workflows/lasts.py": handler("lasts", `    await ctx.sleep("long", 3600)\n`),
};

let project: Project;
let server: Chiron;

beforeAll(async () => {
  project = makeProject(WORKFLOWS);
  server = await startChiron(project, { ...withLedger(project), WORKFLOW_WORKER_CONCURRENCY: "1" });
});

afterAll(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

// Conformance 52
test("one start key starts one child: created first, found the second time", async () => {
  const { first, again, output } = (await ended(server, "keyed", { key: "k" })).result.output;
  expect(first).toMatchObject({ workflow_name: "child", created: true });
  expect(again).toMatchObject({ created: false, task_id: first.task_id });
  expect(output).toEqual({ n: 1 });
  // Conformance 59: the key stands for the API's clients too.
  const byApi = await create(server, "child", { n: 3 }, { idempotency_key: "k" });
  expect(byApi).toMatchObject({ created: false, task_id: first.task_id });
});

test("a parent that fails and starts over finds the children it has started, without any key", async () => {
  const end = await ended(server, "unkeyed");
  expect(end).toMatchObject({ status: "completed", attempts: 2, result: { output: [{ n: 10 }, { n: 11 }] } });
  const runs = (prefix: string) => ledger(project).filter((word) => word === prefix).length;
  // Each child's handler begins twice: before and after its sleep.
  expect([runs("child 10"), runs("child 11")]).toEqual([2, 2]);
  // Conformance 70
  const { children } = (await server.get(`/api/workflows/runs/${end.task_id}/children`)).body;
  expect(children.map((child: { parent_task_id: string }) => child.parent_task_id)).toEqual([end.task_id, end.task_id]);
});

test("a parent and its five children go through one slot, and the results keep their order", async () => {
  const end = await ended(server, "fans");
  expect(end.result.output).toEqual([20, 21, 22, 23, 24].map((n) => ({ n })));
  expect(end.attempts).toBe(1);
});

test("parents within parents, ten deep, go through one slot", async () => {
  expect((await ended(server, "nests", { depth: 10 })).result.output).toBe(10);
});

test("a failed child, an unknown one and one that is late are errors the handler can catch", async () => {
  const task = { child: "child", input: { n: 30, fails: true } };
  const parent = await create(server, "consoles", task);
  await observed(server, "run.sleeping", { taskId: parent.task_id });
  const { children } = (await server.get(`/api/workflows/runs/${parent.task_id}/children`)).body;
  await server.post(`/api/workflows/runs/${children[0].task_id}/cancel`, {});
  expect((await server.finished(parent.run_id)).result.output).toMatchObject({
    kind: "ChildWorkflowError",
    status: "cancelled",
  });
  const unknown = (await ended(server, "consoles", { child: "chidl", input: {} })).result.output;
  expect(unknown).toMatchObject({ kind: "RuntimeError", message: expect.stringContaining("chidl") });
  const late = (await ended(server, "consoles", { child: "lasts", input: {}, timeout: 0.1 })).result.output;
  expect(late).toMatchObject({ kind: "RuntimeError", message: expect.stringContaining("timed out") });
  expect(await figure(server, "workflow_active_runs")).toBe(0);
});
