// The record around every call: written before it leaves, ended before the handler hears, bounded, masked.
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { Bus, type RuntimeEvent } from "../../src/core/bus.ts";
import { createIdSource, type RunId, type TaskId } from "../../src/core/ids.ts";
import { toJsonText, type JsonText } from "../../src/core/json-text.ts";
import { createEffects } from "../../src/effects/effects.ts";
import { createOutboxRetention } from "../../src/effects/outbox-retention.ts";
import { createOutbox, type OutboxDeps } from "../../src/effects/outbox.ts";
import type { EffectContext, EffectHandler } from "../../src/ports/effects.ts";
import type { Store } from "../../src/ports/store.ts";
import { ManualClock } from "../contract/manual-clock.ts";

const taskId = "0b54d6bb-6bbb-4f1a-8d5e-5c1f5b0f9a01" as TaskId;
const { signal } = new AbortController();
const runId = taskId as string as RunId;
const context: EffectContext = { taskId, runId, workflowName: "w", ordinal: "1", harnessType: "codex", signal };

let clock: ManualClock;
let store: Store;
let bus: Bus;
let events: RuntimeEvent[];

beforeEach(async () => {
  clock = new ManualClock();
  store = await openSqlite({ path: ":memory:", clock });
  bus = new Bus();
  events = [];
  bus.subscribe((event) => void events.push(event));
});
afterEach(() => store.admin.close());

/** Effects over one handler of these calls, with an outbox. */
function effectsOf(handler: Partial<EffectHandler>, deps: Partial<OutboxDeps> = {}) {
  const ids = createIdSource(() => clock.now(), randomBytes);
  const outbox = createOutbox({
    store: store.effects,
    clock,
    bus,
    ids,
    content: "full",
    mask: (text) => text,
    ...deps,
  });
  const whole: EffectHandler = {
    types: new Set(["ctx.call_tool", "ctx.post_to_slack", "ctx.agent_turn"]),
    describe: () => ({ nature: "real", by: "test" }),
    call: async () => toJsonText("answered"),
    ...handler,
  };
  return createEffects([whole], outbox);
}

const only = async () => {
  const [listed] = await store.effects.list({ limit: 10 });
  return (await store.effects.get(listed!.id))!;
};

test("a real call is in the store before it leaves, and ended before its answer is heard", async () => {
  let during: unknown;
  const effects = effectsOf({
    call: async () => {
      during = (await only()).state;
      clock.move(5);
      return toJsonText({ n: 1 });
    },
  });
  const args = `{"tool":"t","method":"m","args":{"n":1.0}}` as JsonText;
  expect(await effects.call("ctx.call_tool", args, context)).toBe(`{"n":1}`);
  expect(during).toBe("started");
  expect(await only()).toMatchObject({
    taskId,
    runId,
    workflowName: "w",
    kind: "tool",
    callType: "ctx.call_tool",
    target: "t.m",
    ordinal: "1",
    nature: "real",
    by: "test",
    state: "done",
    request: args,
    answer: `{"n":1}`,
    error: null,
    progress: null,
  });
  expect(events.map((event) => event.type)).toEqual(["effect.started", "effect.done"]);
  expect(events[1]).toMatchObject({ target: "t.m", durationMs: 5, nature: "real" });
});

test("a failed call keeps its error, and the handler gets it", async () => {
  const effects = effectsOf({ call: () => Promise.reject(new Error("no luck")) });
  await expect(effects.call("ctx.post_to_slack", "{" as JsonText, context)).rejects.toThrow("no luck");
  expect(await only()).toMatchObject({
    state: "failed",
    error: "no luck",
    answer: null,
    target: null,
    key: `${taskId}:slack:1`,
  });
  expect(events.at(-1)).toMatchObject({ type: "effect.failed", message: "no luck" });
});

test("a real call whose record cannot be written is not made; a stubbed one is, and the fault is told", async () => {
  const broken = { ...store.effects, begin: () => Promise.reject(new Error("the disk is full")) };
  let calls = 0;
  const call = async () => toJsonText((calls += 1));
  await expect(effectsOf({ call }, { store: broken }).call("ctx.call_tool", "{}" as JsonText, context)).rejects.toThrow(
    "disk is full",
  );
  expect(calls).toBe(0);
  const stubbed: Partial<EffectHandler> = { call, describe: () => ({ nature: "stubbed", by: "outbox" }) };
  expect(await effectsOf(stubbed, { store: broken }).call("ctx.call_tool", "{}" as JsonText, context)).toBe("1");
  expect(events.find((event) => event.type === "service.error")).toMatchObject({
    service: "outbox",
    message: "the disk is full",
  });
});

test("an end that cannot be written does not take the answer away", async () => {
  const broken = { ...store.effects, finish: () => Promise.reject(new Error("the disk is full")) };
  expect(await effectsOf({}, { store: broken }).call("ctx.call_tool", "{}" as JsonText, context)).toBe(`"answered"`);
  expect((await only()).state).toBe("started");
  expect(events.some((event) => event.type === "service.error")).toBe(true);
});

test("secrets are hidden and long values cut, still as JSON", async () => {
  const effects = effectsOf(
    { call: async () => toJsonText(`sesame ${"x".repeat(300_000)}`) },
    { mask: (text) => text.replaceAll("sesame", "***") },
  );
  await effects.call("ctx.agent_turn", toJsonText({ text: "open sesame", message_id: "m" }), context);
  const { request, answer, key, target } = await only();
  expect(JSON.parse(request!)).toEqual({ text: "open ***", message_id: "m" });
  expect(JSON.parse(answer!)).toMatchObject({ $cut: { size: 300_006, head: expect.stringMatching(/^"\*\*\* x+$/) } });
  expect({ key, target }).toEqual({ key: "absurd-workflow-agent-turn:m", target: "codex" });
});

test("with content meta only the fact of a call is kept", async () => {
  const effects = effectsOf(
    { call: async (_type, _args, _context, progress) => (progress("said"), toJsonText("secret")) },
    { content: "meta" },
  );
  await effects.call("ctx.call_tool", `{"tool":"t","method":"m"}` as JsonText, context);
  expect(await only()).toMatchObject({ target: "t.m", state: "done", request: null, answer: null, progress: null });
});

test("what a long call says is told at once, kept while it goes on, and bounded", async () => {
  const effects = effectsOf({
    async call(_type, _args, _context, progress) {
      progress("first");
      clock.move(1_000);
      progress("y".repeat(5_000));
      await store.admin.ping();
      expect(JSON.parse((await only()).progress!)).toEqual(["first", `${"y".repeat(4_000)}…`]);
      for (let count = 0; count < 5_000; count += 1) progress(`line ${count}`);
      return toJsonText(null);
    },
  });
  await effects.call("ctx.agent_turn", `{"text":"go"}` as JsonText, context);
  const lines = JSON.parse((await only()).progress!) as string[];
  expect(lines).toHaveLength(201);
  expect([lines[0], lines[1], lines.at(-1)]).toEqual(["… 4802 earlier lines were left out", "line 4800", "line 4999"]);
  expect(events.filter((event) => event.type === "effect.progress")).toHaveLength(2_000);
});

test("the outbox is kept within its bounds", async () => {
  const effects = effectsOf({});
  for (let count = 0; count < 5; count += 1) {
    await effects.call("ctx.call_tool", "{}" as JsonText, { ...context, ordinal: String(count) });
    clock.move(1_000);
  }
  const service = createOutboxRetention({
    store: store.effects,
    clock,
    bus,
    bounds: { keep: 3, keepForMs: 86_400_000 },
  });
  await service.tick();
  expect((await store.effects.list({ limit: 10 })).map(({ ordinal }) => ordinal)).toEqual(["4", "3", "2"]);
  clock.move(86_400_000 - 2_500);
  await service.tick();
  expect((await store.effects.list({ limit: 10 })).map(({ ordinal }) => ordinal)).toEqual(["4", "3"]);
});
