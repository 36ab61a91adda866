// kill -9 of the Python process, the runtime lives on: in a step, between steps, during a sleep, while it waits for an event.
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { DURABLE_WORKFLOWS } from "./durable-workflows.ts";
import { checkpoints, create, ended, hosts, ledger, observed, release, shown, until, withLedger } from "./observe.ts";

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

/** Kills every host process and waits until the runtime has noticed. */
async function killHosts(): Promise<void> {
  for (const pid of hosts(server)) {
    process.kill(pid, "SIGKILL");
    await observed(server, "host.ended", { pid });
  }
}

// Conformance 40, 46
test("a process killed in the middle of a step costs an attempt, and only that step runs again", async () => {
  const run = await create(server, "in_step");
  await until("the step has begun", () => ledger(project).includes("at in-step"));
  await killHosts();
  release(project, "in-step");
  const end = await server.finished(run.task_id);
  expect(end).toMatchObject({ status: "completed", attempts: 2, task_id: run.task_id });
  expect(end.run_id).not.toBe(run.run_id);
  expect(end.result.output).toEqual(["first", "in-step", "third"]);
  expect(ledger(project)).toEqual(["first", "at in-step", "at in-step", "third"]);
  const first = await shown(server, run.run_id);
  expect(first.failure).toMatchObject({ name: "$HostCrashed" });
  expect(first.failure.message).toContain("SIGKILL");
});

// Conformance 40
test("a process killed between two steps repeats neither of them", async () => {
  const run = await create(server, "between");
  await until(
    "the first step is recorded",
    async () => (await checkpoints(server, run.task_id)).checkpoints.length > 0,
  );
  await until("the handler is between", () => ledger(project).includes("at between"));
  await killHosts();
  release(project, "between");
  const end = await server.finished(run.task_id);
  expect(end).toMatchObject({ status: "completed", attempts: 2 });
  expect(ledger(project)).toEqual(["first", "at between", "at between", "second"]);
});

// Conformance 43, 45
test("a process killed while its run sleeps costs nothing, and the sleep ends at its first time", async () => {
  const run = await create(server, "naps", { seconds: 0.5 });
  await observed(server, "run.sleeping", { taskId: run.task_id });
  const [wait] = (await checkpoints(server, run.task_id)).waits;
  await killHosts();
  const end = await server.finished(run.task_id);
  expect(end).toMatchObject({ status: "completed", attempts: 1, run_id: run.run_id });
  expect(end.result.output).toEqual({ before: run.run_id, after: run.run_id });
  expect(Date.parse(end.finished_at)).toBeGreaterThanOrEqual(Date.parse(wait!.deadline_at!));
  expect(ledger(project)).toEqual(["before", "awake"]);
});

test("a process killed while its run waits for an event costs nothing, and the event is delivered", async () => {
  const run = await create(server, "listens", { id: "kill" });
  await observed(server, "run.sleeping", { taskId: run.task_id });
  await killHosts();
  await server.post("/api/workflows/events", { event_type: "asked", correlation_id: "kill", payload: { yes: 1 } });
  const end = await server.finished(run.task_id);
  expect(end).toMatchObject({ status: "completed", attempts: 1, result: { output: { payload: { yes: 1 } } } });
});

test("runs that share a killed process all end as if nothing had happened", async () => {
  const runs = await Promise.all(Array.from({ length: 4 }, () => create(server, "in_step")));
  await until("all four are in the step", () => ledger(project).filter((word) => word === "at in-step").length === 4);
  await killHosts();
  release(project, "in-step");
  for (const run of runs) expect((await server.finished(run.task_id)).status).toBe("completed");
  // Whatever the kill interrupted, what was committed before it ran once a run.
  expect(ledger(project).filter((word) => word === "first")).toHaveLength(4);
  expect(ledger(project).filter((word) => word === "third")).toHaveLength(4);
});

test("a process that is killed again and again ends its run with the crash as the failure, and the next run is served", async () => {
  const run = await create(server, "in_step", {}, { max_attempts: 2 });
  for (const attempt of [1, 2]) {
    await until("the step has begun", () => ledger(project).filter((word) => word === "at in-step").length === attempt);
    await killHosts();
  }
  const end = await server.finished(run.task_id);
  expect(end).toMatchObject({ status: "failed", attempts: 2, failure: { name: "$HostCrashed" } });
  expect(ledger(project).filter((word) => word === "first")).toHaveLength(1);
  expect(await ended(server, "quick")).toMatchObject({ status: "completed", attempts: 1 });
});
