// Checkpoints, waits, children, attempts and logs of a task over the API.
import { afterEach, beforeEach, expect, test } from "vitest";
import { pythonEventName } from "../../src/core/keys.ts";
import * as answers from "../../src/http/answers.ts";
import type { LogLine } from "../../src/ports/store-types.ts";
import { asJson, asRun, asTask, claim, openApi, read, start, type Api } from "./http-fixture.ts";

let api: Api;
beforeEach(async () => {
  api = await openApi();
});
afterEach(() => api.close());

const RUNS = "/api/workflows/runs";

test("checkpoints come in order with their raw values and sizes, and pending waits beside them", async () => {
  const { task_id } = await start(api);
  const run = await claim(api);
  const write = { ...run, leaseMs: 60_000, durationMs: 12 };
  await api.store.progress.checkpoint([
    { ...write, name: "one", value: asJson('{"n":1.0,"s":"é"}'), position: "order.py:7" },
    { ...write, name: "two", value: asJson("null") },
  ]);
  const target = pythonEventName("paid", "A-1");
  await api.store.progress.suspend([{ ...run, waits: [{ step: "w", kind: "event", target, delayMs: 60_000 }] }]);

  const response = await api.get(`${RUNS}/${task_id}/checkpoints`);
  expect(await response.clone().text()).toContain('"value":{"n":1.0,"s":"é"}');
  const answer = await read(response, answers.CheckpointsAnswer);
  expect(answer.checkpoints).toMatchObject([
    { name: "one", kind: "step", seq: 1, size: 18, duration_ms: 12, position: "order.py:7", attempt: 1 },
    { name: "two", kind: "step", seq: 2, value: null, position: null, run_id: run.runId },
  ]);
  expect(answer.waits).toMatchObject([{ step: "w", kind: "event", target, event_type: "paid", correlation_id: "A-1" }]);
  expect(answer.waits[0]!.deadline_at).not.toBeNull();
});

test("children are listed by their parent, page by page", async () => {
  const parent = await start(api);
  await start(api);
  const child = { workflowName: "order", input: asJson("1"), cause: { kind: "child" as const, ref: parent.task_id } };
  for (let i = 0; i < 3; i += 1) await api.deps.engine.createRun({ ...child, parentTaskId: asTask(parent.task_id) });
  const first = await read(await api.get(`${RUNS}/${parent.run_id}/children?limit=2`), answers.ChildrenAnswer);
  expect(first.children).toHaveLength(2);
  expect(first.children[0]).toMatchObject({ parent_task_id: parent.task_id, cause: child.cause });
  const rest = await read(
    await api.get(`${RUNS}/${parent.run_id}/children?cursor=${first.next_cursor}`),
    answers.ChildrenAnswer,
  );
  expect(rest.children).toHaveLength(1);
  const filtered = await read(await api.get(`${RUNS}?parent_task_id=${parent.task_id}`), answers.ListAnswer);
  expect(filtered.runs).toHaveLength(3);
});

test("attempts show how each run of the task ended", async () => {
  const { task_id, run_id } = await start(api);
  const failure = { name: "$Crash", message: "gone", crash: "exit" };
  await api.store.progress.fail([{ ...(await claim(api)), failure, retryDelayMs: 60_000 }]);
  const answer = await read(await api.get(`${RUNS}/${task_id}/attempts`), answers.AttemptsAnswer);
  const ordered = answer.attempts.toSorted((a, b) => a.attempt - b.attempt);
  expect(ordered).toMatchObject([
    { run_id, attempt: 1, status: "failed", failure, wake_at: null },
    { attempt: 2, failure: null, started_at: null },
  ]);
  expect(ordered[1]!.wake_at).not.toBeNull();
});

test("log lines follow a cursor and can be those of one attempt", async () => {
  const { task_id, run_id } = await start(api);
  const line: LogLine = {
    taskId: asTask(task_id),
    runId: asRun(run_id),
    at: Date.UTC(2030, 0, 1),
    level: "info",
    source: "log",
    message: "one",
    fields: asJson('{"n":1.0}'),
  };
  const lines = [
    line,
    { ...line, message: "two", fields: null },
    { ...line, message: "three", source: "stderr" as const },
  ];
  await api.store.logs.append(lines);
  const path = `${RUNS}/${task_id}/logs`;
  const raw = await api.get(`${path}?limit=2`);
  expect(await raw.clone().text()).toContain('"fields":{"n":1.0}');
  const first = await read(raw, answers.LogsAnswer);
  expect(first.logs).toMatchObject([
    { message: "one", at: "2030-01-01T00:00:00.000Z" },
    { message: "two", fields: null },
  ]);
  const rest = await read(await api.get(`${path}?after=${first.next_after}`), answers.LogsAnswer);
  expect(rest.logs).toMatchObject([{ message: "three", source: "stderr" }]);
  const end = await read(await api.get(`${path}?after=${rest.next_after}`), answers.LogsAnswer);
  expect(end).toMatchObject({ logs: [], next_after: rest.next_after });
  const other = await read(await api.get(`${path}?run_id=${task_id}`), answers.LogsAnswer);
  expect(other).toMatchObject({ logs: [], next_after: null });
  await read(await api.get(`${path}?after=-1`), answers.ErrorAnswer, 400);
});

test.each(["checkpoints", "children", "attempts", "logs", "events"])("%s of an unknown run is 404", async (part) => {
  await read(await api.get(`${RUNS}/0190b1a2-0000-7000-8000-000000000000/${part}`), answers.ErrorAnswer, 404);
  await read(await api.get(`${RUNS}/nobody/${part}`), answers.ErrorAnswer, 404);
});
