// kill -9 of the runtime while runs sleep and wait: wake times, deadlines, run ids and attempts are what they were.
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { DURABLE_WORKFLOWS } from "./durable-workflows.ts";
import { checkpoints, create, figure, hosts, isAlive, ledger, observed, shown, until, withLedger } from "./observe.ts";

let project: Project;
let server: Chiron;

beforeEach(async () => {
  project = makeProject(DURABLE_WORKFLOWS);
  server = await startChiron(project, withLedger(project));
});

afterEach(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

async function restart(): Promise<void> {
  const pids = hosts(server);
  await server.kill();
  server = await startChiron(project, withLedger(project));
  // No host outlives its runtime.
  await until("the killed runtime's hosts are gone", () => !pids.some(isAlive));
}

// Conformance 43, 45
test("a sleep that is cut in two by a kill ends at its first time, under the same run and attempt", async () => {
  const run = await create(server, "naps", { seconds: 6 });
  await observed(server, "run.sleeping", { taskId: run.task_id });
  const [before] = (await checkpoints(server, run.task_id)).waits;
  const wakeAt = (await shown(server, run.run_id)).wake_at;
  expect(before!.deadline_at).toBe(wakeAt);
  await restart();
  const [after] = (await checkpoints(server, run.task_id)).waits;
  expect(after).toEqual(before);
  expect((await shown(server, run.run_id)).wake_at).toBe(wakeAt);
  const end = await server.finished(run.task_id);
  expect(end).toMatchObject({ status: "completed", run_id: run.run_id, attempts: 1, attempt: 1 });
  expect(end.result.output).toEqual({ before: run.run_id, after: run.run_id });
  expect(ledger(project)).toEqual(["before", "awake"]);
  expect(Date.parse(end.finished_at)).toBeGreaterThanOrEqual(Date.parse(wakeAt));
});

test("a sleep whose time passed while nothing ran ends right after the start", async () => {
  const run = await create(server, "naps", { seconds: 0.2 });
  await observed(server, "run.sleeping", { taskId: run.task_id });
  await restart();
  expect(await server.finished(run.task_id)).toMatchObject({ status: "completed", attempts: 1, run_id: run.run_id });
});

test("the deadline of a wait for an event stays what it was, and so does its outcome", async () => {
  const run = await create(server, "listens", { id: "never", timeout: 5 }, { max_attempts: 1 });
  await observed(server, "run.sleeping", { taskId: run.task_id });
  const { waits } = await checkpoints(server, run.task_id);
  await restart();
  expect((await checkpoints(server, run.task_id)).waits).toEqual(waits);
  const end = await server.finished(run.task_id);
  expect(end).toMatchObject({ status: "failed", attempts: 1, failure: { name: "RuntimeError" } });
  // Conformance 51
  expect(end.failure.message).toBe("timed out waiting for event asked/never");
  expect(Date.parse(end.finished_at)).toBeGreaterThanOrEqual(Date.parse(waits[0]!.deadline_at!));
});

// Conformance 50
test("an event that was emitted before a kill reaches a wait that begins after it", async () => {
  const emit = { event_type: "asked", correlation_id: "early", payload: { n: 1 } };
  await server.post("/api/workflows/events", emit);
  await restart();
  const second = await server.post("/api/workflows/events", { ...emit, payload: { n: 2 } });
  expect(second.body).toMatchObject({ ok: true, first: false });
  const run = await create(server, "listens", { id: "early" });
  expect((await server.finished(run.run_id)).result.output.payload).toEqual({ n: 1 });
});

// Conformance 44
test("nothing is active while runs sleep, and no process is needed to keep them", async () => {
  const runs = await Promise.all(Array.from({ length: 20 }, () => create(server, "naps", { seconds: 600 })));
  for (const run of runs) await observed(server, "run.sleeping", { taskId: run.task_id });
  expect(await figure(server, "workflow_active_runs")).toBe(0);
  await restart();
  const listed = (await server.get("/api/workflows/runs?status=sleeping")).body.runs as { run_id: string }[];
  expect(listed.map((run) => run.run_id).toSorted()).toEqual(runs.map((run) => run.run_id).toSorted());
  expect(await figure(server, "workflow_active_runs")).toBe(0);
});

// Conformance 54
test("a run that was working when the runtime was killed goes on at once with its next attempt", async () => {
  const run = await create(server, "between");
  await until("the handler is between its steps", () => ledger(project).includes("at between"));
  project.write("between", "");
  await server.kill("SIGKILL");
  server = await startChiron(project, withLedger(project));
  expect(server.ready["taken_over"]).toBe(1);
  expect(await server.finished(run.task_id)).toMatchObject({ status: "completed", attempts: 2 });
  const words = ledger(project);
  expect(words.filter((word) => word === "first")).toHaveLength(1);
  expect((await shown(server, run.run_id)).failure).toMatchObject({ name: "$RuntimeLost" });
});
