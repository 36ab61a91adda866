// Three replicas on one real Postgres: work is shared, a dead or frozen replica's runs go on elsewhere, and no effect is lost or doubled
// beyond what a crash inside a step body allows.
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { bootPostgres, type TestDatabase, type TestServer } from "../support/postgres-server.ts";
import { countWords, LEDGER_WORKFLOW } from "./ledger-workflow.ts";

/** Each run leaves `<run> <step>` lines in one ledger; every step waits a little, so that a kill meets many of them. */
const STEPS = 6;
const SHARED_WORKFLOW = `
import asyncio, os

WORKFLOW_NAME = "shared"


async def note(inp, step):
    fd = os.open(inp["ledger"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{inp['n']}:{step}\\n".encode())
    os.close(fd)
    await asyncio.sleep(0.03)
    return step


async def handler(inp, ctx):
    for step in range(${STEPS}):
        await ctx.step(f"s{step}", lambda: note(inp, step))
        if step == 2:
            await ctx.sleep("nap", 0.1)
    return inp["n"]
`;

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
  project = makeProject({
    "workflows/shared.py": SHARED_WORKFLOW,
    "workflows/ledger.py": LEDGER_WORKFLOW,
    // A short lease, so that a dead replica's runs are taken over while a test waits.
    "chiron.toml": '[engine]\nlease = "2s"\ngrace = "5s"\n',
  });
});

afterEach(async () => {
  for (const replica of replicas.splice(0)) {
    replica.child.kill("SIGCONT");
    await replica.kill();
  }
  await database.drop();
  project.remove();
});

async function serve(env: Record<string, string> = {}): Promise<Chiron> {
  // Each replica has a folder of its own for what it keeps beside the store, as on machines of their own.
  const db = path.join(project.dir, `replica-${replicas.length}`, "chiron.db");
  const replica = await startChiron(
    project,
    { DATABASE_URL: database.connectionString, ...env },
    ["--db", db],
    "serve",
  );
  replicas.push(replica);
  return replica;
}

async function startMany(replica: Chiron, count: number): Promise<string[]> {
  const ledger = path.join(project.dir, "ledger");
  const create = (n: number) =>
    replica.post("/api/workflows/runs", { workflow_name: "shared", max_attempts: 20, input: { n, ledger } });
  const answers = await Promise.all(Array.from({ length: count }, (_, n) => create(n)));
  return answers.map((answer) => answer.body.task_id as string);
}

/** Every run ended well and every step of it ran: once, and at most once more for each of `crashes`. */
async function expectAllDone(replica: Chiron, ids: readonly string[], crashes: number): Promise<void> {
  const ended = await Promise.all(ids.map((id) => replica.finished(id)));
  for (const [n, run] of ended.entries()) expect(run).toMatchObject({ status: "completed", result: { output: n } });
  const counts = countWords(project.read("ledger"));
  for (let n = 0; n < ids.length; n += 1) {
    const bodies = Array.from({ length: STEPS }, (_, step) => counts[`${n}:${step}`] ?? 0);
    expect(Math.min(...bodies), `run ${n}: ${bodies.join(" ")}`).toBeGreaterThanOrEqual(1);
    expect(
      bodies.reduce((sum, count) => sum + count, 0),
      `run ${n}: ${bodies.join(" ")}`,
    ).toBeLessThanOrEqual(STEPS + crashes);
  }
}

const startedOn = (replica: Chiron): number => replica.events.filter((event) => event["type"] === "run.started").length;

test("three replicas that start together migrate once and share the work", async () => {
  const all = await Promise.all([serve(), serve(), serve()]);
  const ids = await startMany(all[0]!, 24);
  await expectAllDone(all[1]!, ids, 0);
  for (const replica of all) expect(startedOn(replica)).toBeGreaterThan(0);
});

test("a replica killed in the middle of its runs loses none of them", async () => {
  const [first, second] = [await serve(), await serve()];
  const ids = await startMany(first, 16);
  await first.nextEvent((event) => event["type"] === "run.sleeping");
  await first.kill("SIGKILL");
  await expectAllDone(second, ids, 1);
});

test("a replica frozen past its lease writes nothing when it wakes, and its runs end elsewhere", async () => {
  const [first, second] = [await serve(), await serve()];
  const ids = await startMany(first, 16);
  await first.nextEvent((event) => event["type"] === "run.sleeping");
  first.child.kill("SIGSTOP");
  await Promise.all(ids.map((id) => second.finished(id)));
  first.child.kill("SIGCONT");
  // A run of the frozen replica is not alone: what its host had in flight may finish its body, never its checkpoint.
  await expectAllDone(second, ids, 2);
  expect((await first.get("/healthz")).status).toBe(200);
});

test("a replica that is stopped gives its runs back at no cost", async () => {
  const [first, second] = [await serve(), await serve()];
  const ids = await startMany(first, 16);
  await first.nextEvent((event) => event["type"] === "run.sleeping");
  expect(await first.kill("SIGTERM")).toBe(0);
  await expectAllDone(second, ids, 0);
  for (const id of ids) expect((await second.get(`/api/workflows/runs/${id}`)).body.run.attempts).toBe(1);
});

test("a database that crashes and comes back is survived without a restart", async () => {
  const [first, second] = [await serve(), await serve()];
  const ids = await startMany(first, 12);
  await first.nextEvent((event) => event["type"] === "run.sleeping");
  await postgres.restart("immediate");
  // A step whose checkpoint was cut off may be run again by the next attempt.
  await expectAllDone(second, ids, 2);
});

test("a thousand starts with one key on three replicas make one task", async () => {
  const all = await Promise.all([serve(), serve(), serve()]);
  const ledger = path.join(project.dir, "ledger");
  const body = { workflow_name: "shared", idempotency_key: "one", input: { n: 0, ledger } };
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, n) => all[n % 3]!.post("/api/workflows/runs", body)),
  );
  expect(new Set(answers.map((answer) => answer.body.task_id)).size).toBe(1);
  expect(answers.filter((answer) => answer.body.created === true)).toHaveLength(1);
  await expectAllDone(all[2]!, [answers[0]!.body.task_id], 0);
});

test("a cancel through one replica stops the run on another", async () => {
  const [first, second] = [await serve(), await serve()];
  const ledger = path.join(project.dir, "ledger");
  const created = await first.post("/api/workflows/runs", {
    workflow_name: "ledger",
    input: { id: "never", ledger, nap: 0.01 },
  });
  const { task_id } = created.body;
  await expect.poll(async () => (await second.get(`/api/workflows/runs/${task_id}`)).body.run.status).toBe("sleeping");
  expect((await second.post(`/api/workflows/runs/${task_id}/cancel`, {})).status).toBe(200);
  expect((await first.finished(task_id)).status).toBe("cancelled");
});
