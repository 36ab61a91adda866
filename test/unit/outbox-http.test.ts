// GET /api/outbox and its details, and a task's effects.
import { afterEach, beforeEach, expect, test } from "vitest";
import { createIdSource, type RunId, type TaskId } from "../../src/core/ids.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import { ErrorAnswer } from "../../src/http/answers.ts";
import { EffectAnswer, OutboxAnswer, RunEffectsAnswer } from "../../src/http/outbox.ts";
import type { NewEffect } from "../../src/ports/store-effects.ts";
import { claim, openApi, read, start, type Api } from "./http-fixture.ts";

let api: Api;
let first: NewEffect;
let second: NewEffect;
let other: NewEffect;

const ids = createIdSource(
  () => Date.now(),
  (size) => new Uint8Array(size),
);

function effectOf(task: { task_id: string; run_id: string }, fields: Partial<NewEffect> = {}): NewEffect {
  return {
    id: ids.next(),
    taskId: task.task_id as TaskId,
    runId: task.run_id as RunId,
    workflowName: "order",
    kind: "slack",
    callType: "ctx.post_to_slack",
    target: "#news",
    ordinal: "1",
    key: "k",
    nature: "stubbed",
    by: "outbox",
    startedAt: 1_700_000_000_000,
    request: toJsonText({ text: "hi" }),
    ...fields,
  };
}

beforeEach(async () => {
  api = await openApi();
  const task = await start(api);
  first = effectOf(task);
  second = effectOf(task, {
    kind: "tool",
    callType: "ctx.call_tool",
    nature: "real",
    request: toJsonText("x".repeat(9_000)),
  });
  other = effectOf(await start(api));
  await api.store.effects.begin([first, second, other]);
  const end = { finishedAt: 1_700_000_000_250, error: null, answer: toJsonText({ ts: "1.0" }) };
  await api.store.effects.finish([{ id: second.id, state: "done", ...end, progress: toJsonText(["a", "b"]) }]);
});
afterEach(() => api.close());

const idsAt = async (path: string) => (await read(await api.get(path), OutboxAnswer)).effects.map(({ id }) => id);

test("the outbox is listed newest first, page by page", async () => {
  const { effects, next_before } = await read(await api.get("/api/outbox?limit=2"), OutboxAnswer);
  expect(effects.map(({ id }) => id)).toEqual([other.id, second.id]);
  expect(effects[1]).toMatchObject({
    call: "ctx.call_tool",
    nature: "real",
    state: "done",
    duration_ms: 250,
    finished_at: "2023-11-14T22:13:20.250Z",
    request: { $omitted: { size: 9_002 } },
    answer: { ts: "1.0" },
  });
  expect(await idsAt(`/api/outbox?before=${next_before!}`)).toEqual([first.id]);
});

test("it is searched by task, run, kind, nature and state", async () => {
  expect(await idsAt(`/api/outbox?run_id=${first.taskId}`)).toEqual([second.id, first.id]);
  expect(await idsAt(`/api/outbox?run_id=${other.runId.toUpperCase()}`)).toEqual([other.id]);
  expect(await idsAt(`/api/outbox?task_id=${other.taskId}&kind=slack`)).toEqual([other.id]);
  expect(await idsAt("/api/outbox?kind=agent")).toEqual([]);
  expect(await idsAt("/api/outbox?nature=real")).toEqual([second.id]);
  expect(await idsAt("/api/outbox?state=started")).toEqual([other.id, first.id]);
});

test("one effect comes with all that was sent, said and answered", async () => {
  const { effect } = await read(await api.get(`/api/outbox/${second.id}`), EffectAnswer);
  expect(effect).toMatchObject({ request: "x".repeat(9_000), progress: ["a", "b"] });
  const open = (await read(await api.get(`/api/outbox/${first.id}`), EffectAnswer)).effect;
  expect(open).toMatchObject({ state: "started", progress: null, answer: null, duration_ms: null });
});

test("a run says what it reached outside and how real that was", async () => {
  const answer = await read(await api.get(`/api/workflows/runs/${first.runId}/effects`), RunEffectsAnswer);
  expect(answer.counts).toEqual({ real: 1, stubbed: 1, recorded: 0 });
  expect(answer.effects.map(({ id }) => id)).toEqual([second.id, first.id]);
});

test.each([
  ["/api/outbox?kind=fax", 400],
  ["/api/outbox?nature=imagined", 400],
  ["/api/outbox?before=yesterday", 400],
  ["/api/outbox?limit=many", 400],
  ["/api/outbox?run_id=nobody", 404],
  ["/api/outbox/nobody", 404],
  ["/api/outbox/0b54d6bb-6bbb-4f1a-8d5e-5c1f5b0f9a01", 404],
  ["/api/workflows/runs/nobody/effects", 404],
])("%s is refused with %i", async (path, status) => {
  await read(await api.get(path), ErrorAnswer, status);
});

test("an event of an effect reaches the live stream in the API's spelling", async () => {
  const run = await claim(api);
  const stream = await api.get("/api/events?types=effect.*");
  const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
  await reader.read();
  const { runId, taskId } = run;
  const about = {
    effectId: first.id,
    taskId,
    runId,
    workflowName: "order",
    kind: "slack",
    callType: "ctx.post_to_slack",
  };
  api.bus.publish({ type: "effect.done", ...about, target: null, nature: "stubbed", by: "outbox", durationMs: 3 });
  const { value } = await reader.read();
  expect(value).toContain("event: effect.done");
  expect(value).toContain(`"effect_id":"${first.id}"`);
  await reader.cancel();
});
