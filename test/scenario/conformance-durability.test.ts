// What a durable handler is promised, on the whole system: real HTTP, real Python, a ledger that counts what really happened.
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { checkpoints, create, ended, LEDGER_MODULE, ledger, observed, shown, withLedger } from "../fault/observe.ts";

const handler = (name: string, body: string): string =>
  `import asyncio
import os
from datetime import datetime, timedelta, timezone

from api.workflow_engine import NonRetryableError, RetryPolicy
from workflows.ledger import note

WORKFLOW_NAME = "${name}"


async def handler(inp, ctx):
${body}`;

/** Fails the attempt unless an earlier one already has: what follows is a replay. */
const FAIL_ONCE = `    if ctx.run_id == await ctx.step("the first run", lambda: ctx.run_id):
        raise ValueError("the first attempt fails")
`;

const WORKFLOWS = {
  "workflows/ledger.py": LEDGER_MODULE,
  "workflows/retries.py": handler(
    "retries",
    `    seen = [await ctx.step(name, lambda: note(f"{inp['id']} {name}")) for name in ("a", "b")]
    first = await ctx.step("the run that wrote", lambda: ctx.run_id)
    note(f"{inp['id']} attempt")
    if first == ctx.run_id:
        raise ValueError("the first attempt fails")
    return {"seen": seen, "wrote": first, "now": ctx.run_id, "task": ctx.task_id}
`,
  ),
  "workflows/names.py": handler(
    "names",
    `    values = [await ctx.step("x", lambda: note(f"names {n}")) for n in range(3)]
    await ctx.sleep("x", 0.02)
    values.append(await ctx.wait_for_event("x", "names", inp["id"]))
    values.append(await ctx.step("x", lambda: note("names last")))
${FAIL_ONCE}    return values
`,
  ),
  "workflows/trips.py": handler(
    "trips",
    `    value = await ctx.step("pair", lambda: (1, {2: "two"}))
${FAIL_ONCE}    return {"value": value, "type": type(value).__name__}
`,
  ),
  "workflows/past.py": handler(
    "past",
    `    await ctx.sleep("negative", timedelta(seconds=-1))
    await ctx.sleep_until("naive", datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(minutes=1))
    return "at once"
`,
  ),
  "workflows/naive.py": handler(
    "naive",
    `    await ctx.sleep_until("naive", datetime(2100, 1, 2, 3, 4, 5))
`,
  ),
  "workflows/always.py": handler("always", `    raise ValueError(f"never {inp['word']}")\n`),
  "workflows/never.py": handler("never", `    raise NonRetryableError("of no use")\n`),
  "workflows/gathers.py": handler(
    "gathers",
    `    met = asyncio.Event()

    async def waits():
        note("gathers waits")
        await asyncio.wait_for(met.wait(), 20)
        return note("gathers waited")

    async def comes():
        note("gathers comes")
        met.set()

    steps = asyncio.gather(ctx.step("waits", waits), ctx.step("comes", comes))
    await steps
    return await asyncio.gather(ctx.call_tool("meet", "first"), ctx.call_tool("meet", "second"))
`,
  ),
  "workflows/agents.py": handler(
    "agents",
    `    before = await ctx.step("before", lambda: 1)
    turns = [await ctx.agent_turn("one"), await ctx.agent_turn("two")]
    inside = await ctx.step("inside", lambda: ctx.agent_turn("three"))
    keys = [turn["execution_id"] for turn in turns]
    note("agents " + " ".join(keys))
${FAIL_ONCE}    return {"keys": keys, "inside": inside["execution_id"], "thread": turns[0]["thread_key"]}
`,
  ),
};

let project: Project;
let server: Chiron;
let tools: http.Server;

/** Answers nobody before two have asked: two requests that are not in flight at once never end. */
function meetingPoint(): http.Server {
  const asked: http.ServerResponse[] = [];
  return http.createServer((request, response) => {
    request.resume();
    asked.push(response);
    if (asked.length < 2) return;
    for (const one of asked) one.writeHead(200, { "content-type": "application/json" }).end('{"met":true}');
  });
}

beforeAll(async () => {
  project = makeProject(WORKFLOWS);
  tools = meetingPoint();
  await new Promise<void>((resolve) => tools.listen(0, "127.0.0.1", resolve));
  const toolApi = `http://127.0.0.1:${(tools.address() as AddressInfo).port}`;
  server = await startChiron(project, { ...withLedger(project), WORKFLOW_TOOL_API_URL: toolApi });
});

afterAll(async () => {
  await server.kill("SIGTERM");
  tools.close();
  project.remove();
});

const words = (prefix: string): string[] => ledger(project).filter((word) => word.startsWith(prefix));

// Conformance 46, 64
test("a retry is a new run of the same task that repeats no recorded step", async () => {
  const created = await create(server, "retries", { id: "one" });
  const end = await server.finished(created.task_id);
  expect(end).toMatchObject({ status: "completed", attempts: 2, task_id: created.task_id });
  expect(end.result.output).toEqual({
    seen: ["one a", "one b"],
    wrote: created.run_id,
    now: end.run_id,
    task: created.task_id,
  });
  expect(words("one")).toEqual(["one a", "one b", "one attempt", "one attempt"]);
  const first = await shown(server, created.run_id);
  expect(first).toMatchObject({ attempt: 1, status: "completed", failure: { name: "ValueError" } });
  const { attempts } = (await server.get(`/api/workflows/runs/${created.task_id}/attempts`)).body;
  expect(attempts.map((attempt: { run_id: string }) => attempt.run_id)).toEqual([created.run_id, end.run_id]);
});

// Conformance 46, 47
test("a task fails for good after its attempts, with the handler's words", async () => {
  const one = await ended(server, "always", { word: "good" }, { max_attempts: 1 });
  expect(one).toMatchObject({ status: "failed", attempts: 1, failure: { name: "ValueError", message: "never good" } });
  expect(one.failure.traceback).toContain("always.py");
  const two = await ended(server, "always", { word: "better" }, { max_attempts: 2 });
  expect(two).toMatchObject({ status: "failed", attempts: 2, failure: { message: "never better" } });
  const unset = await create(server, "past");
  expect((await shown(server, unset.run_id)).max_attempts).toBe(5);
});

test("a failure that no retry can mend ends the task at its first attempt", async () => {
  expect(await ended(server, "never")).toMatchObject({
    status: "failed",
    attempts: 1,
    failure: { name: "NonRetryableError", message: "of no use" },
  });
});

// Conformance 41, 42
test("uses of one name are numbered across steps, sleeps and waits, and a replay gives each its own value", async () => {
  await server.post("/api/workflows/events", { event_type: "names", correlation_id: "n", payload: "came" });
  const end = await ended(server, "names", { id: "n" });
  expect(end.result.output).toEqual(["names 0", "names 1", "names 2", "came", "names last"]);
  expect(end.attempts).toBe(2);
  const recorded = (await checkpoints(server, end.task_id)).checkpoints;
  expect(recorded.map(({ name, kind }) => [name, kind])).toEqual([
    ["x", "step"],
    ["x#2", "step"],
    ["x#3", "step"],
    ["x#4", "sleep"],
    ["x#5", "event"],
    ["x#6", "step"],
    ["the first run", "step"],
  ]);
  expect(words("names")).toEqual(["names 0", "names 1", "names 2", "names last"]);
});

// Conformance 49
test("a replay sees a step's JSON round trip, and the run's log warns of the difference", async () => {
  const end = await ended(server, "trips");
  expect(end.result.output).toEqual({ value: [1, { "2": "two" }], type: "list" });
  expect(await observed(server, "run.log", { taskId: end.task_id, source: "chiron", level: "warn" })).toMatchObject({
    message: expect.stringContaining("step 'pair'"),
  });
});

// Conformance 48
test("a sleep into the past returns at once and a naive time is UTC", async () => {
  expect((await ended(server, "past")).result.output).toBe("at once");
  const run = await create(server, "naive");
  await observed(server, "run.sleeping", { taskId: run.task_id });
  expect((await checkpoints(server, run.run_id)).waits[0]!.deadline_at).toBe("2100-01-02T03:04:05.000Z");
});

// Conformance 17
test("two steps and two calls of a gather are under way at once", async () => {
  expect((await ended(server, "gathers", {}, { max_attempts: 1 })).result?.output).toEqual([
    { met: true },
    { met: true },
  ]);
  expect(words("gathers")).toEqual(["gathers waits", "gathers comes", "gathers waited"]);
});

// Conformance 55, 56
test("keys of agent turns are the same on a replay, differ between calls, and the thread is the workflow's own", async () => {
  const end = await ended(server, "agents");
  expect(end.attempts).toBe(2);
  const { keys, inside, thread } = end.result.output;
  expect(new Set([...keys, inside]).size).toBe(3);
  expect(words("agents")).toEqual([`agents ${keys.join(" ")}`, `agents ${keys.join(" ")}`]);
  expect(thread).toBe(`wf:${end.task_id.replaceAll("-", "")}:agent:agents`);
});
