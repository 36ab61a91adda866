// ctx._pool with the real asyncpg: SQL that existing workflows run, joins of the engine's own tables with each other, answers what it
// would on the reference, in a shared host process and in a process of its own.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { bootPostgres, type TestServer } from "../support/postgres-server.ts";
import { pythonPackage } from "./python-package.ts";

const asyncpg = pythonPackage("asyncpg==0.32.0");
const OWN_HOST = fileURLToPath(new URL("../../adapters/python/workflow-host", import.meta.url));

/** Routed to the queue centaur_workflows_etl; looks at that queue, itself included, and at what it recorded there. */
const ETL = `
WORKFLOW_NAME = "linear_sync"

JOIN = """
  SELECT t.task_id::text, t.params->>'workflow_name' AS name, t.state AS task_state, r.state AS run_state, r.attempt,
         t.params->'input'->>'day' AS day, t.completed_payload->'output'->>'rows' AS rows
  FROM absurd.t_centaur_workflows_etl t
  JOIN absurd.r_centaur_workflows_etl r ON r.task_id = t.task_id AND r.run_id = t.last_attempt_run
  WHERE t.params->>'workflow_name' = $1
  ORDER BY t.enqueue_at
"""


async def handler(inp, ctx):
    await ctx.step("extract", lambda: {"rows": 3})
    async with ctx._pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute("CREATE TABLE IF NOT EXISTS public.loaded (day text PRIMARY KEY)")
            await connection.execute("INSERT INTO public.loaded VALUES ($1) ON CONFLICT DO NOTHING", inp["day"])
    seen = [dict(row) for row in await ctx._pool.fetch(JOIN, "linear_sync")]
    step = await ctx._pool.fetchval(
        "SELECT state->>'rows' FROM absurd.c_centaur_workflows_etl WHERE task_id = $1::uuid AND checkpoint_name = 'extract'",
        ctx.task_id,
    )
    return {"rows": 3, "seen": seen, "step": step, "loaded": await ctx._pool.fetchval("SELECT count(*) FROM public.loaded")}
`;

describe.skipIf(asyncpg.python === null)(`ctx._pool with asyncpg ${asyncpg.reason}`, () => {
  let server: TestServer;
  let project: Project;

  beforeAll(async () => {
    server = await bootPostgres();
    project = makeProject({ "workflows/linear_sync.py": ETL });
  });
  afterAll(async () => {
    project.remove();
    await server.stop();
  });

  test.each([
    ["a shared host process", {}],
    ["a process of its own", { PYTHON_WORKFLOW_HOST_PATH: OWN_HOST }],
  ])("SQL in a workflow sees the engine's tables and its own, in %s", async (_, env) => {
    const database = await server.createDatabase();
    const chiron = await startChiron(
      project,
      { DATABASE_URL: database.connectionString, PYTHON_WORKFLOW_HOST_PYTHON: asyncpg.python!, ...env },
      [],
      "serve",
    );
    try {
      const first = await run(chiron, "mon");
      const own = (id: string, day: string, attempt: number) => ({
        task_id: id,
        name: "linear_sync",
        task_state: "running",
        run_state: "running",
        attempt,
        day,
        rows: null,
      });
      expect(first.output).toEqual({ rows: 3, seen: [own(first.id, "mon", 1)], step: "3", loaded: 1 });
      const second = await run(chiron, "tue");
      const done = { ...own(first.id, "mon", 1), task_state: "completed", run_state: "completed", rows: "3" };
      expect(second.output).toEqual({ rows: 3, seen: [done, own(second.id, "tue", 1)], step: "3", loaded: 2 });
    } finally {
      await chiron.kill("SIGTERM");
      await database.drop();
    }
  });

  test("without DATABASE_URL it is None, and one warning says so", async () => {
    const chiron = await startChiron(project, { PYTHON_WORKFLOW_HOST_PYTHON: asyncpg.python! });
    try {
      const created = await chiron.post("/api/workflows/runs", {
        workflow_name: "linear_sync",
        input: {},
        max_attempts: 1,
      });
      expect(await chiron.finished(created.body.task_id)).toMatchObject({ status: "failed" });
      const { body } = await chiron.get(`/api/workflows/runs/${created.body.task_id}/logs`);
      const said = JSON.stringify(body);
      expect(said.split("DATABASE_URL is not set")).toHaveLength(2);
    } finally {
      await chiron.kill("SIGTERM");
    }
  });

  async function run(chiron: Chiron, day: string): Promise<{ id: string; output: unknown }> {
    const created = await chiron.post("/api/workflows/runs", { workflow_name: "linear_sync", input: { day } });
    const id = created.body.task_id as string;
    const ended = await chiron.finished(id);
    expect(ended).toMatchObject({ status: "completed" });
    return { id, output: ended.result.output };
  }
});
