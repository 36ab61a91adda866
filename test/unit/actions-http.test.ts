// POST /api/workflows/actions/invoke, and clicks on messages in the outbox (reference behaviour, sections 5.1 and 8.5).
import { afterEach, beforeEach, expect, test } from "vitest";
import { createIdSource, type RunId, type TaskId } from "../../src/core/ids.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import { createButtonValues } from "../../src/effects/slack/button-values.ts";
import { CreateAnswer, ErrorAnswer, RunAnswer } from "../../src/http/answers.ts";
import { openApi, read, start, type Api } from "./http-fixture.ts";

const GROUP = "6ca9528a-153a-59e4-8e13-4d3f72ad2f71";
const buttons = createButtonValues("secret", 86_400_000, () => Date.now());
const INVOKE = "/api/workflows/actions/invoke";
const ids = createIdSource(
  () => Date.now(),
  (size) => new Uint8Array(size),
);
let api: Api;
let source: { task_id: string; run_id: string };

beforeEach(async () => {
  api = await openApi({ buttons });
  source = await start(api);
});
afterEach(() => api.close());

const valueFor = (workflow = "order", input = `{"n":12345678901234567890}`) =>
  buttons.sign({ group: GROUP, taskId: source.task_id, workflow, action: "yes", channel: "C1", input: input as never });

const invoke = (change: object = {}) => {
  const body = { button: valueFor(), click: { user: { id: "U1" }, channel: "C1" }, idempotency_key: "one", ...change };
  return api.post(INVOKE, body);
};

test("a click starts the button's workflow with the click in its input, once for each key", async () => {
  const started = await read(await invoke(), CreateAnswer);
  expect(started).toMatchObject({ status: "queued", created: true });
  const { run } = await read(await api.get(`/api/workflows/runs/${started.run_id}`), RunAnswer);
  expect(run).toMatchObject({ workflow_name: "order", cause: { kind: "action", ref: source.task_id } });
  expect(run.input).toMatchObject({
    click: { action: "yes", channel: "C1", user: { id: "U1" }, source_task_id: source.task_id },
  });
  const text = await (await api.get(`/api/workflows/runs/${started.run_id}`)).text();
  expect(text).toContain(`"input":{"n":12345678901234567890,`);
  expect(await read(await invoke(), CreateAnswer)).toMatchObject({ created: false, run_id: started.run_id });
  expect(await read(await invoke({ idempotency_key: "two" }), CreateAnswer)).toMatchObject({ created: true });
});

test("the button may be the element as Slack sends it", async () => {
  const button = { type: "button", action_id: "yes", value: valueFor() };
  expect(await read(await invoke({ button }), CreateAnswer)).toMatchObject({ created: true });
});

test.each<[string, () => object, number, string]>([
  [
    "a tampered value",
    () => ({ button: valueFor().replace(/.$/, (last) => (last === "A" ? "B" : "A")) }),
    403,
    "changed",
  ],
  ["no value at all", () => ({ button: "yes" }), 400, "none of this API's"],
  ["an element without a value", () => ({ button: {} }), 400, "no value"],
  ["another channel", () => ({ click: { channel: "C2" } }), 403, "C2"],
  ["no click", () => ({ click: null }), 400, "click"],
  ["no key", () => ({ idempotency_key: " " }), 400, "idempotency_key"],
  ["a key that is too long", () => ({ idempotency_key: "x".repeat(513) }), 400, "idempotency_key"],
  ["a number for a button", () => ({ button: 5 }), 400, "button"],
  ["a message that is none", () => ({ message: "hi" }), 400, "message"],
  ["a workflow that is not there", () => ({ button: valueFor("gone") }), 404, "unknown workflow: gone"],
  ["a workflow that is not allowed", () => ({ button: valueFor("secret") }), 403, "not allowed"],
])("%s is refused", async (_, change, status, text) => {
  const { error } = await read(await invoke(change()), ErrorAnswer, status);
  expect(error).toContain(text);
});

test("an expired value is refused with the time it ended", async () => {
  const past = createButtonValues("secret", 1_000, () => Date.now() - 60_000);
  const button = past.sign({
    group: GROUP,
    taskId: "t",
    workflow: "order",
    action: "yes",
    channel: "C1",
    input: "{}" as never,
  });
  expect((await read(await invoke({ button }), ErrorAnswer, 403)).error).toContain("has expired at");
});

test("without a key to read values there are no clicks", async () => {
  const bare = await openApi();
  const answer = await bare.post(INVOKE, { button: valueFor(), click: {}, idempotency_key: "k" });
  expect((await read(answer, ErrorAnswer, 503)).hint).toContain("CENTAUR_JWT_SIGNING_SECRET");
  await bare.close();
});

/** A posted message in the outbox. */
async function posted(fields: { callType?: string; request?: unknown; answer?: unknown } = {}): Promise<string> {
  const id = ids.next();
  const element = { type: "button", action_id: "yes", text: { type: "plain_text", text: "Yes" } };
  const blocks = [{ type: "actions", block_id: GROUP, elements: [element] }];
  const args = { blocks, buttons: { group: GROUP, workflow: "order", input: { v: 1 } } };
  const {
    callType = "ctx.post_to_slack",
    request = { channel: "C1", text: "Go?", args },
    answer = { channel: "C1", ts: "1.5" },
  } = fields;
  const taskId = source.task_id as TaskId;
  const about = { id, taskId, runId: source.run_id as RunId, workflowName: "order", kind: "slack" } as const;
  const how = { target: "C1", ordinal: "1", key: null, nature: "stubbed", by: "outbox", startedAt: 1 } as const;
  await api.store.effects.begin([
    { ...about, callType, ...how, request: request === null ? null : toJsonText(request) },
  ]);
  const end = { finishedAt: 2, error: null, progress: null, answer: answer === null ? null : toJsonText(answer) };
  await api.store.effects.finish([{ id, state: "done", ...end }]);
  return id;
}

test("a button of a message in the outbox can be tried, as often as one likes", async () => {
  const id = await posted();
  const click = () => api.post(`/api/outbox/${id}/click`, { action: "yes", user: "ada" });
  const { run_id } = await read(await click(), CreateAnswer);
  const { run } = await read(await api.get(`/api/workflows/runs/${run_id}`), RunAnswer);
  expect(run.input).toMatchObject({
    v: 1,
    click: { label: "Yes", user: { name: "ada" }, via: "outbox", message: { ts: "1.5" } },
  });
  expect(await read(await click(), CreateAnswer)).toMatchObject({ created: true });
});

test("what has no such button cannot be clicked", async () => {
  const status = async (id: string, action = "yes") =>
    read(await api.post(`/api/outbox/${id}/click`, { action }), ErrorAnswer, action === "yes" ? 409 : 404);
  expect((await status(await posted(), "no")).hint).toBe("Its buttons: yes.");
  expect((await status(await posted({ callType: "ctx.update_slack" }))).error).toContain("is not a posted message");
  expect((await status(await posted({ request: { channel: "C1", args: {} } }))).error).toContain("has no buttons");
  expect((await status(await posted({ request: { $cut: { size: 1 } } }))).error).toContain(
    "too large to be kept whole",
  );
  expect((await status(await posted({ request: null }))).error).toContain("has no buttons");
  expect((await status(await posted({ answer: null }))).error).toContain("was not posted");
});

test("a server offers no clicks without Slack", async () => {
  const server = await openApi({ buttons, info: { version: "1", mode: "serve" } });
  const answer = await server.post("/api/outbox/0b54d6bb-6bbb-4f1a-8d5e-5c1f5b0f9a01/click", { action: "yes" });
  await read(answer, ErrorAnswer, 404);
  await server.close();
});
