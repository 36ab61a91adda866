// Local tools through a real runtime: found, called, changed while it runs, listed, and named when they are broken.
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ended } from "../fault/observe.ts";
import { makeProject, runChiron, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const TOOL = `"""Words."""
import asyncio


def shout(text: str, times: int = 1) -> str:
    """Louder."""
    return text.upper() + "!" * times


async def wait(seconds: float) -> None:
    await asyncio.sleep(seconds)
`;

const WORKFLOW = `WORKFLOW_NAME = "caller"


async def handler(inp, ctx):
    return await ctx.call_tool(inp["tool"], inp["method"], inp.get("args"))
`;

let project: Project;
let server: Chiron;

beforeAll(async () => {
  project = makeProject({ "workflows/caller.py": WORKFLOW, "tools/voice.py": TOOL });
  server = await startChiron(project);
});
afterAll(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

const call = (tool: string, method: string, args: object = {}) =>
  ended(server, "caller", { tool, method, args }, { max_attempts: 1 });
const reloaded = () => server.nextEvent(({ type }) => type === "catalog.reloaded");

test("a workflow calls a function of a file beside its folder", async () => {
  expect((await call("voice", "shout", { text: "hi", times: 2 })).result.output).toBe("HI!!");
  const { effects } = (await server.get("/api/outbox?kind=tool")).body;
  expect(effects[0]).toMatchObject({
    target: "voice.shout",
    nature: "real",
    by: path.join(project.dir, "tools/voice.py"),
  });
});

test("the API and the command line list tools and call them", async () => {
  const { tools } = (await server.get("/api/workflows/tools")).body;
  expect(tools).toMatchObject([
    {
      name: "voice",
      description: "Words.",
      problem: null,
      methods: [
        { name: "shout", signature: "(text: str, times: int = 1) -> str", description: "Louder." },
        { name: "wait" },
      ],
    },
  ]);
  const listed = await runChiron(project.dir, ["tools", "list"]);
  expect(listed.stdout).toContain("voice.shout(text: str, times: int = 1) -> str");
  const called = await runChiron(project.dir, ["tools", "call", "voice.shout", "--args", '{"text": "x"}']);
  expect(JSON.parse(called.stdout)).toBe("X!");
  const wrong = await runChiron(project.dir, ["tools", "call", "voice.shout", "--args", '{"txt": "x"}']);
  expect(wrong.code).toBe(7);
  expect(wrong.stderr).toContain("it takes (text: str, times: int = 1) -> str");
  const refused = await server.post("/api/workflows/tools/voice/shout", { args: [1] });
  expect(refused.status).toBe(400);
});

test("a saved tool serves the next call, a new file is a new tool", async () => {
  const seen = reloaded();
  project.write("tools/voice.py", TOOL.replace("text.upper()", "text.lower()"));
  await seen;
  expect((await call("voice", "shout", { text: "Hi" })).result.output).toBe("hi!");
  const more = reloaded();
  project.write("workflows/tools/inner.py", "def where():\n    return 'inside'\n");
  await more;
  expect((await call("inner", "where")).result.output).toBe("inside");
});

test("a tool that does not import is a problem with path and line, and its call says so", async () => {
  const found = server.nextEvent(({ type }) => type === "catalog.problem");
  const file = project.write("tools/broken.py", "import nowhere_to_be_found\n\n\ndef f():\n    return 1\n");
  expect(await found).toMatchObject({ path: file, line: 1, kind: "tool" });
  const run = await call("broken", "f");
  expect(run.failure.message).toContain(`tool broken.f cannot be called: ${file}:1: ModuleNotFoundError`);
  const gone = server.nextEvent(({ type }) => type === "catalog.fixed");
  fs.rmSync(file);
  await gone;
});

test("a file that ends the process while it is imported takes nothing else with it", async () => {
  const found = server.nextEvent(({ type }) => type === "catalog.problem");
  const file = project.write("tools/deadly.py", "import os\n\n\ndef f():\n    return 1\n\n\nos._exit(7)\n");
  expect(await found).toMatchObject({ path: file, kind: "exit" });
  expect((await call("voice", "shout", { text: "Still here" })).result.output).toBe("still here!");
  const fixed = reloaded();
  fs.rmSync(file);
  await fixed;
});

test("cancelling a run ends the tool it waits for", async () => {
  const created = (
    await server.post("/api/workflows/runs", {
      workflow_name: "caller",
      input: { tool: "voice", method: "wait", args: { seconds: 600 } },
    })
  ).body;
  await server.nextEvent(({ type, taskId }) => type === "effect.started" && taskId === created.task_id);
  await server.post(`/api/workflows/runs/${created.run_id}/cancel`, {});
  await server.nextEvent(({ type, taskId }) => type === "effect.failed" && taskId === created.task_id);
  expect((await call("voice", "shout", { text: "on" })).status).toBe("completed");
});

test("a tool nobody has says what can be done", async () => {
  const run = await call("linear", "search");
  expect(run.failure.message).toContain("tool linear.search cannot be called: no local tool has the name");
  expect(run.failure.message).toContain("WORKFLOW_TOOL_API_URL");
});
