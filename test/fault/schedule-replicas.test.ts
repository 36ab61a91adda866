// Replicas that share a Postgres and its schedules: one that is killed, and processes with one role each, lose and double nothing.
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { bootPostgres, type TestDatabase, type TestServer } from "../support/postgres-server.ts";

const WORKFLOW = `
WORKFLOW_NAME = "tick"
SCHEDULE = [
    {"schedule_id": "one", "interval_seconds": 1, "catchup": "all"},
    {"schedule_id": "two", "cron": "* * * * * *", "timezone": "UTC", "catchup": "all"},
]


async def handler(inp, ctx):
    return inp["scheduled_for"]
`;
const SCHEDULES = ["one", "two"];

let postgres: TestServer;
let database: TestDatabase;
let project: Project;
const replicas: Chiron[] = [];

beforeAll(async () => {
  postgres = await bootPostgres({ durable: true });
});
afterAll(() => postgres.stop());
beforeEach(async () => {
  database = await postgres.createDatabase();
  // A short lease, so that a run that a dead replica held is taken over while the test waits.
  project = makeProject({ "workflows/tick.py": WORKFLOW, "chiron.toml": '[engine]\nlease = "2s"\n' });
});
afterEach(async () => {
  for (const replica of replicas.splice(0)) await replica.kill();
  await database.drop();
  project.remove();
});

async function serve(...args: string[]): Promise<Chiron> {
  const db = path.join(project.dir, `replica-${replicas.length}`, "chiron.db");
  const env = { DATABASE_URL: database.connectionString };
  const replica = await startChiron(project, env, ["--db", db, ...args], "serve");
  replicas.push(replica);
  return replica;
}

interface Fired {
  readonly at: string;
  readonly outcome: string;
  readonly task_id: string;
}

/** Oldest first. */
async function firedOf(replica: Chiron, id: string): Promise<Fired[]> {
  const { body } = await replica.get(`/api/workflows/schedules/${id}/occurrences?limit=1000`);
  return ((body.occurrences ?? []) as Fired[]).toReversed();
}

async function untilFired(replica: Chiron, count: number): Promise<void> {
  for (const id of SCHEDULES) {
    while ((await firedOf(replica, id)).length < count) await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Every second from the first to the last has one fire with one finished task of its own. */
async function judge(replica: Chiron): Promise<void> {
  for (const id of SCHEDULES) {
    const fired = await firedOf(replica, id);
    const first = Date.parse(fired[0]!.at);
    expect(fired.map(({ at }) => Date.parse(at))).toEqual(fired.map((_, second) => first + second * 1_000));
    expect(fired.every(({ outcome }) => outcome === "fired")).toBe(true);
    for (const { at, task_id } of fired) {
      const run = await replica.finished(task_id);
      expect(run.result.output).toBe(at.replace(".000Z", "+00:00"));
    }
    expect(new Set(fired.map(({ task_id }) => task_id)).size).toBe(fired.length);
  }
}

test("a replica that is killed between fires costs no occurrence, and three of them fire each once", async () => {
  const [first, second, third] = [await serve(), await serve(), await serve()];
  await untilFired(first, 3);
  await first.kill("SIGKILL");
  await untilFired(second, 6);
  await second.kill("SIGKILL");
  await untilFired(third, 9);
  await judge(third);
});

test("the roles schedule, worker and api work apart", async () => {
  const api = await serve("--roles", "api");
  const worker = await serve("--roles", "worker");
  expect((await api.get("/api/workflows/schedules")).body.schedules).toMatchObject([
    { schedule_id: "one", state: "undeclared" },
    { schedule_id: "two", state: "undeclared" },
  ]);
  const scheduler = await serve("--roles", "schedule");
  expect((await scheduler.get("/api/workflows/schedules")).status).toBe(404);
  await untilFired(api, 3);
  const { body } = await api.post("/api/workflows/schedules/one/fire", {});
  await api.finished(body.run_id);
  expect((await api.post("/api/workflows/schedules/two/pause", {})).body.schedule.paused).toBe(true);
  expect((await worker.get("/healthz")).status).toBe(200);
});
