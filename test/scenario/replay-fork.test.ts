// Forks with real Python: what is kept is not done again, edits are seen, and no call that was made goes out a second time.
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, runChiron, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const ORDER = `
import os
WORKFLOW_NAME = "order"


def note(text):
    with open(os.environ["LEDGER"], "a") as ledger:
        ledger.write(text + "\\n")
    return text


async def handler(inp, ctx):
    order = await ctx.step("load", lambda: note("load") and {"cents": inp["cents"]})
    posted = await ctx.post_to_slack("C1", "an order")
    child = await ctx.run_workflow("child", {"of": "order"})
    await ctx.step("charge", lambda: note("charge"))
    if order["cents"] == 500:
        raise ValueError("too cheap")
    await ctx.step("send", lambda: note("send"))
    return [order["cents"], posted["ts"], child]
`;

const CHILD = `
import os
WORKFLOW_NAME = "child"


async def handler(inp, ctx):
    with open(os.environ["LEDGER"], "a") as ledger:
        ledger.write("child\\n")
    return "born"
`;

let project: Project;
let server: Chiron;

beforeEach(async () => {
  project = makeProject({ "workflows/order.py": ORDER, "workflows/child.py": CHILD });
  server = await startChiron(project, { LEDGER: `${project.dir}/ledger` });
});

afterEach(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

const ledger = () => project.read("ledger").trim().split("\n");

async function failed(): Promise<string> {
  const input = { cents: 500 };
  const { body } = await server.post("/api/workflows/runs", { workflow_name: "order", input, max_attempts: 1 });
  expect((await server.finished(body.task_id)).status).toBe("failed");
  return body.task_id;
}

const fork = async (taskId: string, body: object) => server.post(`/api/workflows/runs/${taskId}/fork`, body);

const effects = async (taskId: string) =>
  (await server.get(`/api/workflows/runs/${taskId}/effects`)).body.effects as readonly unknown[];

test("a fork keeps what came before, sees the edit, and repeats neither a step, a message nor a child", async () => {
  const source = await failed();
  expect(ledger()).toEqual(["load", "child", "charge"]);
  const { body } = await fork(source, { from: "charge", set: { load: { cents: 700 } } });
  expect(body).toMatchObject({ ok: true, forked_from: source, kept: 2, edited: ["load"] });
  const run = await server.finished(body.task_id);
  expect(run).toMatchObject({
    status: "completed",
    cause: { kind: "fork", ref: source, effects: "recorded", kept: 2 },
  });
  expect(run.result.output).toMatchObject([700, expect.any(String), "born"]);
  expect(ledger()).toEqual(["load", "child", "charge", "charge", "send"]);
  expect(await effects(body.task_id)).toEqual([]);
  const { checkpoints } = (await server.get(`/api/workflows/runs/${body.task_id}/checkpoints`)).body;
  expect(checkpoints.map((one: { name: string; origin: string }) => [one.name.slice(0, 6), one.origin])).toEqual([
    ["load", "edited"],
    ["$wait:", "forked"],
    ["charge", "recorded"],
    ["send", "recorded"],
  ]);
  expect((await server.get(`/api/workflows/runs/${source}`)).body.run.status).toBe("failed");
});

test("a fork of a fork goes back to the first for what was answered there", async () => {
  const first = (await fork(await failed(), { from: "charge" })).body.task_id;
  await server.finished(first);
  const second = (await fork(first, { set: { load: { cents: 9 } } })).body.task_id;
  expect((await server.finished(second)).result.output[0]).toBe(9);
  expect(await effects(second)).toEqual([]);
  expect(ledger().filter((line) => line === "child")).toHaveLength(1);
});

test("live calls go out again, blocked ones fail", async () => {
  const source = await failed();
  const live = (await fork(source, { from: 1, input: { cents: 700 }, effects: "live" })).body.task_id;
  await server.finished(live);
  expect(await effects(live)).not.toEqual([]);
  expect(ledger().filter((line) => line === "child")).toHaveLength(2);
  project.write(
    "workflows/order.py",
    ORDER.replace(`"an order")`, `"an order")\n    await ctx.post_to_slack("C2", "more")`),
  );
  await server.nextEvent((event) => event["type"] === "catalog.reloaded");
  const blocked = (await fork(source, { effects: "blocked", max_attempts: 1 })).body.task_id;
  const run = await server.finished(blocked);
  expect(run.failure.message).toContain("this fork makes no calls");
  expect(await effects(blocked)).toEqual([]);
});

test("what cannot be forked is refused with what was meant", async () => {
  const source = await failed();
  const hint = async (body: object) => (await fork(source, body)).body;
  expect(await hint({ from: "chage" })).toMatchObject({ code: "bad_request", hint: "Did you mean charge?" });
  expect(await hint({ from: "load", set: { charge: 1 } })).toMatchObject({ code: "bad_request" });
  expect(await hint({ effects: "maybe" })).toMatchObject({ code: "bad_request" });
  expect((await fork("01a20589-3f93-72c6-bfba-779db2ec990b", {})).status).toBe(404);
  expect(await runChiron(project.dir, ["fork", source, "--set", "load={cents:1}"])).toMatchObject({ code: 2 });
});

test("the command line forks, and shows first what would be kept", async () => {
  const source = await failed();
  const plan = await runChiron(project.dir, ["fork", source, "--from", "charge", "--dry-run"]);
  expect(plan.stdout).toContain("redone");
  expect(plan.stdout).toContain("the handler stands at step charge");
  const made = await runChiron(project.dir, ["fork", source, "--from", "charge", "--set", 'load={"cents": 1}']);
  expect(made.stdout).toContain("2 steps kept, load edited");
  const id = made.stdout.split(" ")[0]!;
  expect((await server.finished(id)).result.output[0]).toBe(1);
  const page = await runChiron(project.dir, ["runs", "show", id]);
  expect(page.stdout).toContain("step (edited)");
});
