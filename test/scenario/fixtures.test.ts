// Every sample workflow of the repository, run through the API to the end that its first lines promise.
import fs from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, SAMPLES, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { checkpoints, create, ended, logLines, observed } from "../fault/observe.ts";

let project: Project;
let server: Chiron;
const tried = new Set<string>();

beforeAll(async () => {
  project = makeProject();
  fs.rmSync(project.workflows, { recursive: true });
  fs.cpSync(SAMPLES, project.workflows, { recursive: true, filter: (file) => !file.includes("__pycache__") });
  server = await startChiron(project);
});

afterAll(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

async function output(name: string, input?: unknown): Promise<unknown> {
  tried.add(name);
  const run = await ended(server, name, input);
  expect(run.failure).toBeNull();
  expect(run.status).toBe("completed");
  return run.result.output;
}

test("the samples load, and the only remark is the one on numeric weekdays", async () => {
  const { problems, webhooks, schedules } = (await server.get("/api/workflows")).body;
  expect(problems.map((problem: { severity: string; kind: string }) => [problem.severity, problem.kind])).toEqual([
    ["warning", "schedule"],
  ]);
  expect(webhooks).toMatchObject([{ slug: "github-issue-triage", workflow_name: "github_issue_triage" }]);
  expect(schedules).toMatchObject([{ workflow_name: "weekday_digest", timezone: "America/New_York" }]);
});

test("hello greets the world", async () => {
  expect(await output("hello")).toEqual({ greeting: "Hello, world!" });
});

test("word_count counts with the helper beside it", async () => {
  expect(await output("word_count")).toEqual({ most_common: { the: 3, dog: 2, quick: 1 } });
});

test("orders_etl copies every page once and tells its metrics", async () => {
  expect(await output("orders_etl")).toEqual({ rows: 25, total_cents: 75_000 });
  expect(await observed(server, "metric", { name: "orders_etl_last_rows" })).toMatchObject({ value: 25 });
});

test("flaky_step survives two failures and keeps what came before", async () => {
  expect(await output("flaky_step")).toEqual({ token: "prepared once", tries: 3 });
});

test("non_retryable charges a good amount and refuses a bad one after one attempt", async () => {
  expect(await output("non_retryable")).toEqual({ charged: { amount: 10 } });
  const refused = await ended(server, "non_retryable", { amount: -1 });
  expect(refused).toMatchObject({ status: "failed", attempts: 1, failure: { name: "NonRetryableError" } });
  expect(refused.failure.message).toContain("-1");
});

test("fan_out starts its children and collects their greetings in order", async () => {
  const result = (await output("fan_out")) as { children: string[]; results: unknown[] };
  expect(result.results).toEqual(["Ada", "Grace", "Barbara"].map((name) => ({ greeting: `Hello, ${name}!` })));
  expect(new Set(result.children).size).toBe(3);
});

test("long_sleep sleeps for what it was told and goes on where it was", async () => {
  expect(await output("long_sleep", { seconds: 0.2 })).toEqual({
    slept_seconds: 0.2,
    note: "written before the sleep",
  });
  const days = await create(server, "long_sleep");
  await observed(server, "run.sleeping", { taskId: days.task_id });
  const [wait] = (await checkpoints(server, days.task_id)).waits;
  const left = Date.parse(wait!.deadline_at!) - Date.now();
  expect(left).toBeGreaterThan(3 * 86_400_000 - 60_000);
  expect(left).toBeLessThanOrEqual(3 * 86_400_000);
  expect((await server.post(`/api/workflows/runs/${days.run_id}/cancel`, {})).body.status).toBe("cancelled");
});

test("approval takes the answer of a person", async () => {
  tried.add("approval");
  const asked = await create(server, "approval", { request_id: "holiday" });
  await observed(server, "run.sleeping", { taskId: asked.task_id });
  const payload = { approved: true, by: "ada" };
  await server.post("/api/workflows/events", { event_type: "approval", correlation_id: "holiday", payload });
  const run = await server.finished(asked.run_id);
  expect(run.result.output).toEqual({ request_id: "holiday", approved: true, by: "ada" });
});

test("approval decides without a person when the time is up", async () => {
  expect(await output("approval", { request_id: "nobody", timeout_seconds: 0.1 })).toEqual({
    request_id: "nobody",
    approved: false,
    reason: "nobody answered in time",
  });
});

test("github_issue_triage files an issue that GitHub reports and skips other deliveries", async () => {
  const webhook = (body: unknown) => ({
    webhook: { slug: "github-issue-triage", method: "POST", headers: { "x-github-event": "issues" }, body },
  });
  const opened = { action: "opened", issue: { number: 7, title: "Very slow start" } };
  expect(await output("github_issue_triage", webhook(opened))).toEqual({ number: 7, lane: "performance" });
  expect(await output("github_issue_triage", webhook({ action: "closed", issue: { number: 7 } }))).toEqual({
    skipped: "closed",
  });
  expect(await output("github_issue_triage")).toEqual({ number: 1, lane: "bug" });
});

test("nightly_report hands its topic to the agent", async () => {
  const { result } = (await output("nightly_report", { topic: "tides" })) as { result: { result_text: string } };
  expect(result.result_text).toContain("Summarize tides");
});

test("post_summary says that its message was not sent", async () => {
  tried.add("post_summary");
  const run = await ended(server, "post_summary");
  expect(run.status).toBe("completed");
  expect((await logLines(server, run.task_id, "chiron")).join("\n")).toContain("All systems are fine.");
});

test("release_notes groups and renders with the local tool beside it", async () => {
  expect(await output("release_notes")).toEqual({
    notes: "Version 1.2.0\n\nNew:\n- dark mode\n\nFixed:\n- flicker on scroll\n\nOther:\n- update the docs",
  });
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toContain('\nrelease_changes{version="1.2.0"} 3\n');
});

test("weekday_digest digests with its default profile", async () => {
  expect(await output("weekday_digest")).toEqual({
    profile: "default",
    digest: "default: nothing new\ndefault: all green",
  });
});

test("no sample is left out here", async () => {
  const { workflows } = (await server.get("/api/workflows")).body;
  const names = workflows.map((workflow: { workflow_name: string }) => workflow.workflow_name);
  expect([...tried].toSorted()).toEqual(names.toSorted());
});
