// Agent turns of a real `chiron dev` and the session API they are asked of: what a kill, a stop, a failure and a cancel make of them.
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { startSessionApi, type SessionApi } from "../support/session-api.ts";

const TURNS = `
WORKFLOW_NAME = "turns"
AGENT_DEFAULTS = {"harness_type": "amp"}

async def handler(inp, ctx):
    await ctx.step("before", lambda: 1)
    first = await ctx.agent_turn("first question")
    second = await ctx.step("second", lambda: ctx.agent_turn("second question", harness="pi"))
    return [first["result_text"], second["result_text"]]
`;

const FAILS_AFTERWARDS = `
WORKFLOW_NAME = "fails_afterwards"
tried = []

async def handler(inp, ctx):
    result = await ctx.agent_turn("x")
    tried.append(1)
    if len(tried) == 1:
        raise RuntimeError("after the turn")
    return result["execution_id"]
`;

const CARELESS = `
WORKFLOW_NAME = "careless"

async def handler(inp, ctx):
    ctx.start_agent("forgotten", text="x")
    await ctx.step("work", lambda: 1)
    return "gone"
`;

const IMPATIENT = `
import asyncio

WORKFLOW_NAME = "impatient"

async def handler(inp, ctx):
    try:
        if inp.get("step"):
            await ctx.step("turn", lambda: ctx.agent_turn("x"), timeout=0.5)
        else:
            await asyncio.wait_for(ctx.agent_turn("x"), 0.5)
    except asyncio.TimeoutError:
        ctx.log("gave up")
    await ctx.wait_for_event("go", "go", "1")
    return "gave up"
`;

let api: SessionApi;
let project: Project;
let chiron: Chiron | null = null;

beforeEach(async () => {
  api = await startSessionApi();
  project = makeProject({
    "chiron.toml": '[agents]\nbackend = "session"\nhold_slot = false\n',
    "workflows/turns.py": TURNS,
    "workflows/fails_afterwards.py": FAILS_AFTERWARDS,
    "workflows/careless.py": CARELESS,
    "workflows/impatient.py": IMPATIENT,
  });
});

afterEach(async () => {
  await chiron?.kill();
  await api.close();
  project.remove();
});

const start = async (): Promise<Chiron> => (chiron = await startChiron(project, { CENTAUR_API_URL: api.url }));

async function create(workflowName: string, input = {}): Promise<string> {
  const { body } = await chiron!.post("/api/workflows/runs", { workflow_name: workflowName, input });
  return (body as { run_id: string }).run_id;
}

const asked = (ending: string): number => api.asked.filter((one) => one.path.endsWith(ending)).length;

test("a runtime that is killed during a turn follows the same execution when it is back", async () => {
  api.agent = (execution) => execution.say("on it");
  await start();
  const id = await create("turns");
  await api.until("/events");
  await chiron!.kill("SIGKILL");
  await start();
  await api.until("/execute", 2);
  api.executions[0]!.end("completed", { result_text: "one" });
  api.agent = (execution) => execution.end("completed", { result_text: "two" });
  expect((await chiron!.finished(id)).result.output).toEqual(["one", "two"]);
  expect(api.executions).toHaveLength(2);
  expect(asked("/interrupt")).toBe(0);
  const executes = api.asked
    .filter((one) => one.path.endsWith("/execute"))
    .map((one) => one.body.idempotency_key as string);
  expect(executes[0]).toBe(executes[1]);
  expect(executes[2]).toMatch(/:second\/1:user$/);
  const messages = api.asked.filter((one) => one.path.endsWith("/messages"));
  expect(messages[0]!.body.messages[0].client_message_id).toBe(messages[1]!.body.messages[0].client_message_id);
  const harnesses = api.asked.filter((one) => one.body?.harness_type).map((one) => one.body.harness_type as string);
  expect([...new Set(harnesses)]).toEqual(["amp", "pi"]);
});

test("a stop during a turn costs no attempt and leaves the execution running", async () => {
  api.agent = () => undefined;
  await start();
  const id = await create("turns");
  await api.until("/events");
  await chiron!.kill("SIGTERM");
  expect(asked("/interrupt")).toBe(0);
  api.executions[0]!.end("completed", { result_text: "while away" });
  api.agent = (execution) => execution.end("completed", { result_text: "two" });
  await start();
  const run = await chiron!.finished(id);
  expect(run.result.output).toEqual(["while away", "two"]);
  expect(run.attempt ?? 1).toBe(1);
});

test("a run that fails after its turn gets the same execution again", async () => {
  await start();
  const id = await create("fails_afterwards");
  expect((await chiron!.finished(id)).result.output).toBe("exe-1");
  expect(asked("/execute")).toBe(2);
  expect(api.executions).toHaveLength(1);
});

test("a cancel interrupts the execution", async () => {
  api.agent = () => undefined;
  await start();
  const id = await create("turns");
  await api.until("/events");
  await chiron!.post(`/api/workflows/runs/${id}/cancel`, {});
  await api.until("/interrupt");
  expect((await chiron!.finished(id)).status).toBe("cancelled");
});

test.each([{}, { step: true }])(
  "a time limit around a turn stops the agent while the run goes on: %j",
  async (input) => {
    api.agent = () => undefined;
    await start();
    await create("impatient", input);
    await api.until("/interrupt");
    expect(api.executions[0]!.status).toBe("cancelled");
  },
);

test("a started agent that nobody awaits is interrupted with the end of its run", async () => {
  api.agent = () => undefined;
  // The handler may be over before the turn has been asked for: then it never is.
  await start();
  const id = await create("careless");
  const run = await chiron!.finished(id);
  expect(run.result.output).toBe("gone");
  const { body } = await chiron!.get(`/api/workflows/runs/${id}/logs`);
  expect(JSON.stringify(body)).toContain("still waited for ctx.agent_turn");
  await chiron!.kill("SIGTERM");
  expect(api.executions.every((one) => one.status === "cancelled")).toBe(true);
});
