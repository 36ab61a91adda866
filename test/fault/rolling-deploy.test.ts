// A rolling deploy on one real Postgres: replicas with different code beside each other and after each other. A pinned task runs no half
// on old code and no half on new, whichever replica it comes to; what the old replicas do not know waits for the new ones.
import fs from "node:fs";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { bootPostgres, type TestDatabase, type TestServer } from "../support/postgres-server.ts";

const waiting = (version: string): string => `
import asyncio

WORKFLOW_NAME = "waiting"


async def handler(inp, ctx):
    first = await ctx.step("first", lambda: "${version}")
    await ctx.wait_for_event("answer", "go", inp["id"])
    second = await ctx.step("second", lambda: "${version}")
    return [first, second]
`;
const ADDED = 'WORKFLOW_NAME = "added"\n\n\nasync def handler(inp, ctx):\n    return "new"\n';

let postgres: TestServer;
let database: TestDatabase;
let projects: Project[] = [];
let replicas: Chiron[] = [];

beforeAll(async () => {
  postgres = await bootPostgres({});
});

afterAll(() => postgres.stop());

beforeEach(async () => {
  database = await postgres.createDatabase();
});

afterEach(async () => {
  for (const replica of replicas) await replica.kill();
  replicas = [];
  await database.drop();
  for (const project of projects) project.remove();
  projects = [];
});

/** A release in a folder of its own, as on a machine of its own, and a replica that serves it. */
async function deploy(version: string, files: Record<string, string> = {}, code = "pinned") {
  const project = makeProject({ "workflows/waiting.py": waiting(version), ...files });
  projects.push(project);
  const replica = await startChiron(project, { DATABASE_URL: database.connectionString }, ["--code", code], "serve");
  replicas.push(replica);
  return { project, replica };
}

async function begin(replica: Chiron, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, async (_, n) => {
    const input = { id: `task-${n}` };
    const { body } = await replica.post("/api/workflows/runs", { workflow_name: "waiting", input });
    return body.task_id as string;
  });
  const started = await Promise.all(ids);
  for (const id of started) await expect.poll(() => statusOf(replica, id), { timeout: 20_000 }).toBe("sleeping");
  return started;
}

const statusOf = async (replica: Chiron, id: string) =>
  (await replica.get(`/api/workflows/runs/${id}`)).body.run.status;

async function go(replica: Chiron, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await replica.post("/api/workflows/events", { event_type: "go", correlation_id: `task-${n}`, payload: null });
  }
}

const outputs = async (replica: Chiron, ids: readonly string[]) =>
  (await Promise.all(ids.map((id) => replica.finished(id)))).map((run) => run.result.output);
const loads = (replica: Chiron) => replica.events.filter((event) => event["type"] === "code.loaded");
const released = (replica: Chiron) => replica.events.filter((event) => event["type"] === "run.released");

test("after the old replica has gone the new one ends its tasks on the old code, loaded once for all", async () => {
  const old = await deploy("old");
  const ids = await begin(old.replica, 20);
  expect(await old.replica.kill("SIGTERM")).toBe(0);
  // Nothing of the old release is left but what the database has.
  fs.rmSync(old.project.dir, { recursive: true });
  const { replica } = await deploy("new");
  await go(replica, 20);
  expect(await outputs(replica, ids)).toEqual(ids.map(() => ["old", "old"]));
  expect(loads(replica)).toHaveLength(1);
  expect(released(replica)).toEqual([]);
});

test("two replicas of different code share the work, and each task keeps to its code on both", async () => {
  const old = await deploy("old");
  const ids = await begin(old.replica, 12);
  const { replica } = await deploy("new");
  const started = await Promise.all(
    Array.from({ length: 12 }, async (_, n) => {
      const input = { id: `task-${n}` };
      return (await replica.post("/api/workflows/runs", { workflow_name: "waiting", input })).body.task_id as string;
    }),
  );
  await go(replica, 12);
  for (const [first, second] of await outputs(replica, [...ids, ...started])) expect(second).toBe(first);
  expect(await outputs(replica, ids)).toEqual(ids.map(() => ["old", "old"]));
  for (const one of [old.replica, replica]) {
    expect(loads(one).length).toBeLessThanOrEqual(1);
    expect(released(one)).toEqual([]);
  }
});

test("a workflow that only the new code has waits for a replica that has it, and begins there", async () => {
  const old = await deploy("old");
  const { replica } = await deploy("new", { "workflows/added.py": ADDED });
  const ids = await Promise.all(
    Array.from({ length: 8 }, async () => {
      return (await replica.post("/api/workflows/runs", { workflow_name: "added", input: null })).body
        .task_id as string;
    }),
  );
  expect(await outputs(replica, ids)).toEqual(ids.map(() => "new"));
  // Whoever claimed one without knowing it left no mark of its code on it.
  const { generation } = (await replica.get("/api/workflows")).body;
  for (const id of ids) {
    const { run } = (await replica.get(`/api/workflows/runs/${id}`)).body;
    expect(run).toMatchObject({ attempts: 1, generation, pinned_generation: generation });
  }
  expect(loads(replica)).toEqual([]);
  expect(old.replica.events.filter((event) => event["type"] === "service.error")).toEqual([]);
});

test("without pins the new replica goes on with its own code", async () => {
  const old = await deploy("old", {}, "newest");
  const ids = await begin(old.replica, 2);
  expect(await old.replica.kill("SIGTERM")).toBe(0);
  const { replica } = await deploy("new", {}, "newest");
  await go(replica, 2);
  expect(await outputs(replica, ids)).toEqual(ids.map(() => ["old", "new"]));
});

test("code that retention has taken is replaced by the newest, and the run says so", async () => {
  const old = await deploy("old");
  const ids = await begin(old.replica, 1);
  expect(await old.replica.kill("SIGTERM")).toBe(0);
  const { replica } = await deploy("new");
  const generation = (await replica.get(`/api/workflows/runs/${ids[0]}`)).body.run.pinned_generation;
  const client = new pg.Client({ connectionString: database.connectionString });
  await client.connect();
  await client.query("delete from chiron.generations where id = $1", [generation]);
  await client.end();
  await go(replica, 1);
  expect(await outputs(replica, ids)).toEqual([["old", "new"]]);
  const replaced = replica.events.filter((event) => event["type"] === "run.code_replaced");
  expect(replaced).toMatchObject([{ taskId: ids[0], from: generation, reason: "it is not kept any more" }]);
  const { logs } = (await replica.get(`/api/workflows/runs/${ids[0]}/logs`)).body;
  expect(logs.map((line: { message: string }) => line.message).join("\n")).toContain(generation.slice(0, 12));
});
