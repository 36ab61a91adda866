// kill -9 of the runtime before and after each kind of commit. Whatever the moment: the run ends as it should, every committed
// step ran exactly once, and an uncommitted one at most once more.
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { countWords, LEDGER_WORKFLOW } from "./ledger-workflow.ts";

const open: { projects: Project[]; servers: Chiron[] } = { projects: [], servers: [] };

afterEach(async () => {
  for (const server of open.servers.splice(0)) await server.kill();
  for (const project of open.projects.splice(0)) project.remove();
});

async function start(project: Project, env: Record<string, string> = {}): Promise<Chiron> {
  const server = await startChiron(project, env);
  open.servers.push(server);
  return server;
}

interface Case {
  readonly point: string;
  /** The step whose body may have run twice; "any": the kill comes from a request, whatever the run does then. */
  readonly twice?: "a" | "b" | "c" | "d" | "any";
  readonly input?: Record<string, unknown>;
}

const CASES: readonly Case[] = [
  { point: "tasks.enqueue:before:1" },
  { point: "tasks.enqueue:after:1" },
  // The second claim may also be a look for work while the run is in a body.
  { point: "claims.claim:after:2", twice: "any" },
  { point: "progress.checkpoint:before:1", twice: "a" },
  { point: "progress.checkpoint:after:1" },
  { point: "progress.checkpoint:before:2", twice: "b" },
  { point: "progress.checkpoint:after:2" },
  { point: "progress.suspend:before:1" },
  { point: "progress.suspend:after:1" },
  { point: "progress.checkpoint:before:3", twice: "c" },
  { point: "progress.fail:before:1", input: { fail_once: true } },
  { point: "progress.fail:after:1", input: { fail_once: true } },
  { point: "progress.suspend:before:2" },
  { point: "progress.suspend:after:2" },
  { point: "events.emit:before:1", twice: "any" },
  { point: "events.emit:after:1", twice: "any" },
  { point: "progress.checkpoint:before:4", twice: "d" },
  { point: "progress.complete:before:1" },
  { point: "progress.complete:after:1" },
];

test.each(CASES)(
  "a kill at $point loses nothing and repeats nothing that was committed",
  async ({ point, twice, input }) => {
    const project = makeProject({ "workflows/ledger.py": LEDGER_WORKFLOW });
    open.projects.push(project);
    const ledger = path.join(project.dir, "ledger");
    const body = {
      workflow_name: "ledger",
      idempotency_key: "one",
      max_attempts: 20,
      input: { id: "x", ledger, ...input },
    };
    const doomed = await start(project, { CHIRON_FAULT_POINT: point });
    // Either the kill comes by itself or the event brings it; a request that the kill cut off is made again below.
    const created = await doomed.post("/api/workflows/runs", body).catch(() => null);
    if (created)
      void doomed
        .post("/api/workflows/events", { event_type: "go", correlation_id: "x", payload: { ok: true } })
        .catch(() => null);
    expect(await doomed.exited).toBe("SIGKILL");

    const server = await start(project);
    const again = await server.post("/api/workflows/runs", body);
    if (created) expect(again.body.task_id).toBe(created.body.task_id);
    await server.post("/api/workflows/events", { event_type: "go", correlation_id: "x", payload: { ok: true } });
    const run = await server.finished(again.body.run_id);
    expect(run.failure).toBeNull();
    expect(run.result.output).toEqual({ seen: ["a", "b", "c", "d"], payload: { ok: true } });
    const counts = countWords(project.read("ledger"));
    for (const step of ["a", "b", "c", "d"]) {
      expect(counts[step], step).toBeGreaterThanOrEqual(1);
      expect(counts[step], step).toBeLessThanOrEqual(step === twice || twice === "any" ? 2 : 1);
    }
    // One crash, one body at most that ran again.
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(5);
  },
);
