// Failed runs on code that was repaired: what would become of each, then all of them, none of their steps done twice.
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, runChiron, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const ORDER = `
WORKFLOW_NAME = "order"


async def handler(inp, ctx):
    loaded = await ctx.step("load", lambda: inp["cents"])
    return await ctx.step("share", lambda: 1000 / loaded)
`;

let project: Project;
let server: Chiron;

beforeEach(async () => {
  project = makeProject({ "workflows/order.py": ORDER });
  server = await startChiron(project);
});

afterEach(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

async function begin(cents: number): Promise<string> {
  const { body } = await server.post("/api/workflows/runs", {
    workflow_name: "order",
    input: { cents },
    max_attempts: 1,
  });
  await server.finished(body.task_id);
  return body.task_id;
}

async function save(from: string, to: string): Promise<void> {
  const reloaded = server.nextEvent((event) => event["type"] === "catalog.reloaded");
  project.write("workflows/order.py", project.read("workflows/order.py").replace(from, to));
  await reloaded;
}

const retry = (...args: string[]) => runChiron(project.dir, ["runs", "retry", ...args]);
const runOf = async (taskId: string) => (await server.get(`/api/workflows/runs/${taskId}`)).body.run;

test("the failed runs of a workflow are planned, then retried on the repaired code", async () => {
  const good = await begin(10);
  const [first, second] = [await begin(0), await begin(0)];
  await save("1000 / loaded", "1000 / (loaded or 1)");
  const plan = await retry("--failed", "--workflow", "order", "--dry-run", "--json");
  expect(JSON.parse(plan.stdout).results).toMatchObject([
    { task_id: first, plan: "follows", ok: true, message: "1 steps kept, stands at step share" },
    { task_id: second, plan: "follows", ok: true },
  ]);
  expect((await runOf(first)).status).toBe("failed");
  const done = await retry("--failed", "--workflow", "order");
  expect(done.code).toBe(0);
  for (const taskId of [first, second]) expect((await server.finished(taskId)).result.output).toBe(1000);
  expect((await runOf(good)).attempt).toBe(1);
  expect((await retry("--failed")).stderr).toContain("no failed run fits");
});

test("a run that the new code would lead away from its record is left, and may still be retried by its id", async () => {
  const taskId = await begin(0);
  await save(`"load"`, `"fetch"`);
  const many = await retry("--failed");
  expect(many.stdout).toContain("left: step fetch is not in the record");
  expect(many.stderr).toContain("1 would leave their record");
  expect((await runOf(taskId)).attempt).toBe(1);
  expect((await retry(taskId, "--dry-run")).stdout).toContain("left");
  expect((await retry(taskId)).code).toBe(0);
});

test("ids and filters are not mixed", async () => {
  expect((await retry()).code).toBe(2);
  expect((await retry("--workflow", "order")).code).toBe(2);
  expect((await retry("--failed", "3f2a91c07d5e")).code).toBe(2);
});
