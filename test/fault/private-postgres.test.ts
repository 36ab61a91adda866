// `dev --postgres` has the database to itself, as it has an SQLite file: what a kill -9 leaves running goes on at the next start, not
// after its lease.
import path from "node:path";
import { expect, test } from "vitest";
import { makeProject, startChiron, type Chiron } from "../support/chiron-process.ts";
import { countWords, LEDGER_WORKFLOW } from "./ledger-workflow.ts";

test("a run of a killed runtime goes on at the next start on the project's own Postgres", async () => {
  const project = makeProject({ "workflows/ledger.py": LEDGER_WORKFLOW });
  const servers: Chiron[] = [];
  const start = async (env: Record<string, string> = {}): Promise<Chiron> => {
    const server = await startChiron(project, env, ["--postgres"]);
    servers.push(server);
    return server;
  };
  try {
    const doomed = await start({ CHIRON_FAULT_POINT: "progress.checkpoint:after:1" });
    const input = { id: "x", ledger: path.join(project.dir, "ledger") };
    const created = await doomed.post("/api/workflows/runs", { workflow_name: "ledger", input });
    expect(await doomed.exited).toBe("SIGKILL");
    const server = await start();
    expect(server.ready["taken_over"]).toBe(1);
    await server.post("/api/workflows/events", { event_type: "go", correlation_id: "x", payload: 1 });
    const run = await server.finished(created.body.task_id);
    expect(run.result.output).toEqual({ seen: ["a", "b", "c", "d"], payload: 1 });
    expect(countWords(project.read("ledger"))).toEqual({ a: 1, b: 1, c: 1, d: 1 });
  } finally {
    for (const server of servers) await server.kill("SIGTERM");
    project.remove();
  }
});
