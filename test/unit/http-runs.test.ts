// Creating, listing, reading, cancelling and retrying runs over the API.
import { afterEach, beforeEach, expect, test } from "vitest";
import * as answers from "../../src/http/answers.ts";
import { asJson, claim, openApi, read, start, type Api } from "./http-fixture.ts";

let api: Api;
beforeEach(async () => {
  api = await openApi();
});
afterEach(() => api.close());

const RUNS = "/api/workflows/runs";

test("a created run answers queued with its ids", async () => {
  const answer = await read(await api.post(RUNS, { workflow_name: "order", input: { a: 1 } }), answers.CreateAnswer);
  expect(answer).toMatchObject({ ok: true, status: "queued", created: true });
  const { run } = await read(await api.get(`${RUNS}/${answer.run_id}`), answers.RunAnswer);
  expect(run).toMatchObject({ task_id: answer.task_id, status: "pending", input: { a: 1 }, cause: { kind: "api" } });
});

test("the same idempotency key answers the first task again, whatever the payload", async () => {
  const first = await start(api, { idempotency_key: "k", input: 1 });
  const again = await read(
    await api.post(RUNS, { workflow_name: "order", idempotency_key: "k", input: 2 }),
    answers.CreateAnswer,
  );
  expect(again).toMatchObject({ created: false, task_id: first.task_id, run_id: first.run_id });
  const { run } = await read(await api.get(`${RUNS}/${first.task_id}`), answers.RunAnswer);
  expect(run).toMatchObject({ input: 1, idempotency_key: "k" });
});

test("unknown fields and nulls of optional fields are ignored", async () => {
  const body = { workflow_name: " order ", eager_start: true, trigger_key: {}, thread_key: "t", max_attempts: null };
  const { run_id } = await start(api, { ...body, harness_type: null, idempotency_key: null });
  const { run } = await read(await api.get(`${RUNS}/${run_id}`), answers.RunAnswer);
  expect(run).toMatchObject({ workflow_name: "order", input: null, max_attempts: 5, idempotency_key: null });
});

test("max_attempts and harness_type reach the task", async () => {
  const { run_id } = await start(api, { max_attempts: 2, harness_type: "codex" });
  const { run } = await read(await api.get(`${RUNS}/${run_id}`), answers.RunAnswer);
  expect(run).toMatchObject({ max_attempts: 2, harness_type: "codex" });
});

test("an unknown workflow is 404 with the nearest names and a disallowed one 403", async () => {
  const unknown = await read(await api.post(RUNS, { workflow_name: "ordr" }), answers.ErrorAnswer, 404);
  expect(unknown).toMatchObject({ code: "unknown_workflow", hint: "Did you mean order?" });
  const disallowed = await read(await api.post(RUNS, { workflow_name: "secret" }), answers.ErrorAnswer, 403);
  expect(disallowed.code).toBe("workflow_disabled");
});

test("input and output come back as the very text that was stored", async () => {
  const input = '{"big": 12345678901234567890, "zero": -0.0, "twice": 1, "twice": 2, "half": "\\ud800", "exp": 1e400}';
  const created = await api.post(RUNS, `{"workflow_name":"order","input": ${input} }`);
  expect(created.status).toBe(200);
  const run = await claim(api);
  expect(run.input).toBe(input);
  await api.store.progress.complete([{ ...run, output: asJson('{"n":1.0,"m":9007199254740993}') }]);
  const text = await (await api.get(`${RUNS}/${run.runId}`)).text();
  expect(text).toContain(`"input":${input}`);
  expect(text).toContain('"steps":["python_host"],"output":{"n":1.0,"m":9007199254740993}}');
});

test("a completed run shows the handler's value at result.output", async () => {
  const { run_id, task_id } = await start(api);
  const run = await claim(api);
  await api.store.progress.complete([{ ...run, output: asJson('"done"') }]);
  const answer = await read(await api.get(`${RUNS}/${task_id}`), answers.RunAnswer);
  expect(answer.run).toMatchObject({
    status: "completed",
    result: { workflow_name: "order", run_id, task_id, steps: ["python_host"], output: "done" },
    wake_at: null,
  });
});

test("an older attempt's id shows its own failure beside the task's state", async () => {
  const { run_id, task_id } = await start(api);
  const failure = { name: "ValueError", message: "no", traceback: "…" };
  await api.store.progress.fail([{ ...(await claim(api)), failure, retryDelayMs: 0 }]);
  const old = await read(await api.get(`${RUNS}/${run_id}`), answers.RunAnswer);
  expect(old.run).toMatchObject({ status: "pending", attempt: 1, attempts: 2, failure });
  const newest = await read(await api.get(`${RUNS}/${task_id.toUpperCase()}`), answers.RunAnswer);
  expect(newest.run).toMatchObject({ attempt: 2, failure: null });
});

test("a wait without a deadline has no wake time and an ordinary updated_at", async () => {
  const { run_id } = await start(api);
  const waits = [{ step: "w", kind: "event" as const, target: "e", delayMs: null }];
  await api.store.progress.suspend([{ ...(await claim(api)), waits }]);
  const { run } = await read(await api.get(`${RUNS}/${run_id}`), answers.RunAnswer);
  expect(run).toMatchObject({ status: "sleeping", wake_at: null });
  expect(run.updated_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("a sleep of ten thousand years still has a readable wake time", async () => {
  const { run_id } = await start(api);
  const waits = [{ step: "s", kind: "sleep" as const, target: null, delayMs: 1e15 }];
  await api.store.progress.suspend([{ ...(await claim(api)), waits }]);
  const { run } = await read(await api.get(`${RUNS}/${run_id}`), answers.RunAnswer);
  expect(run.wake_at).toBe("9999-12-31T23:59:59.999Z");
});

test("the list is newest first, filters by exact name, and clamps its limit", async () => {
  const first = await start(api);
  const other = await start(api, { workflow_name: "slack_sync" });
  const last = await start(api);
  const list = async (query: string) => (await read(await api.get(`${RUNS}?${query}`), answers.ListAnswer)).runs;
  expect((await list("")).map((run) => run.task_id)).toEqual([last.task_id, other.task_id, first.task_id]);
  expect((await list("workflow_name=slack_sync")).map((run) => run.task_id)).toEqual([other.task_id]);
  expect(await list("workflow_name=slack")).toEqual([]);
  expect(await list("limit=0")).toHaveLength(1);
  expect(await list("limit=5000")).toHaveLength(3);
});

test("the list answers 50 by default and goes on from its cursor to the end", async () => {
  for (let i = 0; i < 53; i += 1) await start(api);
  const page = await read(await api.get(RUNS), answers.ListAnswer);
  expect(page.runs).toHaveLength(50);
  expect(page.next_cursor).toBe(page.runs.at(-1)!.task_id);
  const rest = await read(await api.get(`${RUNS}?cursor=${page.next_cursor}`), answers.ListAnswer);
  expect(rest.runs).toHaveLength(3);
  expect(rest.next_cursor).toBeNull();
  expect(new Set([...page.runs, ...rest.runs].map((run) => run.task_id)).size).toBe(53);
});

test("the status filter takes several states and names the words when one is unknown", async () => {
  const first = await start(api);
  await start(api);
  const run = await claim(api);
  expect(run.taskId).toBe(first.task_id);
  const running = await read(await api.get(`${RUNS}?status=running,sleeping`), answers.ListAnswer);
  expect(running.runs.map((each) => each.task_id)).toEqual([first.task_id]);
  const wrong = await read(await api.get(`${RUNS}?status=running,queued`), answers.ErrorAnswer, 400);
  expect(wrong.error).toContain("pending, running, sleeping, completed, failed, cancelled");
});

test.each(["limit=ten", "limit=1.5", "limit=1e999", "cursor=x", "parent_task_id=1", "workflow_name=%00", "status=on"])(
  "the list refuses %s",
  async (query) => {
    const answer = await read(await api.get(`${RUNS}?${query}`), answers.ErrorAnswer, 400);
    expect(answer.error).toContain(query.slice(0, query.indexOf("=")));
  },
);

test("an unknown id is 404 with the id, also when it is no UUID", async () => {
  for (const id of ["0190b1a2-0000-7000-8000-000000000000", "latest", "%2e%2e%2fx", "-1"]) {
    const answer = await read(await api.get(`${RUNS}/${id}`), answers.ErrorAnswer, 404);
    expect(answer.error).toBe(`workflow run not found: ${decodeURIComponent(id)}`);
  }
});

test("cancel ends a task and leaves a finished one as it is", async () => {
  const { task_id, run_id } = await start(api);
  const first = await read(await api.post(`${RUNS}/${run_id}/cancel`), answers.CancelAnswer);
  expect(first).toMatchObject({ ok: true, task_id, run_id, status: "cancelled", changed: true });
  const again = await read(await api.post(`${RUNS}/${task_id}/cancel`), answers.CancelAnswer);
  expect(again).toMatchObject({ ok: true, status: "cancelled", changed: false });
  await read(await api.post(`${RUNS}/nobody/cancel`), answers.ErrorAnswer, 404);
});

test("retry gives a failed task one more attempt and refuses any other with 409", async () => {
  const { task_id } = await start(api);
  await read(await api.post(`${RUNS}/${task_id}/retry`), answers.ErrorAnswer, 409);
  await api.store.progress.fail([{ ...(await claim(api)), failure: { name: "E", message: "m" }, retryDelayMs: null }]);
  const answer = await read(await api.post(`${RUNS}/${task_id}/retry`), answers.RetryAnswer);
  expect(answer).toMatchObject({ task_id, attempt: 2, status: "queued" });
  const { run } = await read(await api.get(`${RUNS}/${answer.run_id}`), answers.RunAnswer);
  expect(run).toMatchObject({ status: "pending", attempt: 2 });
});

test("an event is named in full or by type and correlation id", async () => {
  const full = await read(await api.post("/api/workflows/events", { event_name: "x", payload: 1 }), answers.EmitAnswer);
  expect(full).toMatchObject({ event_name: "x", first: true, woken: 0 });
  const typed = { event_type: "paid", correlation_id: 'a"1', payload: { n: 1 } };
  const answer = await read(await api.post("/api/workflows/events", typed), answers.EmitAnswer);
  expect(answer.event_name).toBe('python:["paid","a\\"1"]');
  const again = await read(await api.post("/api/workflows/events", { ...typed, payload: 2 }), answers.EmitAnswer);
  expect(again.first).toBe(false);
  expect((await api.store.events.get(answer.event_name))?.payload).toBe('{"n":1}');
});

test.each([
  {},
  { payload: 1 },
  { event_name: "x", event_type: "t", correlation_id: "c" },
  { event_name: "x", correlation_id: "c" },
  { event_type: "t" },
  { correlation_id: "c" },
  { event_name: " " },
  { event_type: 1, correlation_id: "c" },
])("an event named by %j is refused", async (body) => {
  await read(await api.post("/api/workflows/events", body), answers.ErrorAnswer, 400);
});
