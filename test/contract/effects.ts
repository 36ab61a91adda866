// The outbox: begun, ended, listed, bounded, gone with its task.
import { expect } from "vitest";
import { createIdSource } from "../../src/core/ids.ts";
import { LISTED_VALUE, NO_END_RECORDED, type NewEffect } from "../../src/ports/store-effects.ts";
import type { ClaimedRun } from "../../src/ports/store-types.ts";
import type { Case } from "./case.ts";
import { json, raw, type Given } from "./given.ts";

/** Calls of this run, one after the other. */
function effectsOf(given: Given, run: ClaimedRun): (fields?: Partial<NewEffect>) => NewEffect {
  const ids = createIdSource(
    () => given.clock.now(),
    (size) => new Uint8Array(size),
  );
  let count = 0;
  return (fields = {}) => ({
    id: ids.next(),
    taskId: run.taskId,
    runId: run.runId,
    workflowName: run.workflowName,
    kind: "slack",
    callType: "ctx.post_to_slack",
    target: "#news",
    ordinal: String((count += 1)),
    key: `${run.taskId}:slack:${count}`,
    nature: "stubbed",
    by: "outbox",
    startedAt: given.clock.now(),
    request: json({ text: "hi" }),
    ...fields,
  });
}

const DONE = {
  state: "done",
  finishedAt: 1_700_000_000_500,
  answer: json({ ts: "1.0" }),
  error: null,
  progress: null,
} as const;

export function effectsContract(test: Case): void {
  test("an effect is there from its beginning and keeps every text exactly", async (given) => {
    const { effects } = given.store;
    const run = await given.running();
    const hard = raw(`{"b":1,"a":[1.0,-0],"a":"\\u0000\\ud800 \u{1F600}"}`);
    const effect = effectsOf(
      given,
      run,
    )({ request: hard, target: "nul \u0000 \ud800", by: "\uFFFE", ordinal: "step \u0000/1" });
    await effects.begin([effect]);
    const open = { ...effect, state: "started", finishedAt: null, answer: null, error: null, progress: null };
    expect(await effects.get(effect.id)).toEqual(open);
    await effects.note([{ id: effect.id, progress: json(["one"]) }]);
    expect(await effects.get(effect.id)).toEqual({ ...open, progress: json(["one"]) });
    const end = { id: effect.id, ...DONE, answer: hard, progress: json(["one", "two"]) };
    await effects.finish([end]);
    expect(await effects.get(effect.id)).toEqual({ ...open, ...end });
    const failed = { ...end, state: "failed", answer: null, error: "no \u0000" } as const;
    await effects.finish([failed]);
    expect(await effects.get(effect.id)).toEqual({ ...open, ...failed });
    expect(await effects.get("not an id")).toBeNull();
    await effects.finish([{ ...end, id: effect.id.replace(/^.{8}/, "00000000") }]);
  });

  test("the outbox is listed newest first, by page and by what one looks for", async (given) => {
    const { effects } = given.store;
    const next = effectsOf(given, await given.running());
    const other = effectsOf(given, await given.running());
    const first = next();
    given.clock.move(1);
    const second = next({ kind: "agent", nature: "real" });
    given.clock.move(1);
    const third = other();
    await effects.begin([first, second, third]);
    await effects.finish([{ id: second.id, ...DONE }]);
    const ids = async (filter: Omit<Parameters<typeof effects.list>[0], "limit">, limit = 10) =>
      (await effects.list({ ...filter, limit })).map(({ id }) => id);
    expect(await ids({})).toEqual([third.id, second.id, first.id]);
    expect(await ids({}, 2)).toEqual([third.id, second.id]);
    expect(await ids({ before: second.id })).toEqual([first.id]);
    expect(await ids({ taskId: first.taskId })).toEqual([second.id, first.id]);
    expect(await ids({ runId: third.runId })).toEqual([third.id]);
    expect(await ids({ kind: "agent" })).toEqual([second.id]);
    expect(await ids({ nature: "stubbed" })).toEqual([third.id, first.id]);
    expect(await ids({ state: "done" })).toEqual([second.id]);
    expect(await ids({ taskId: first.taskId, state: "started", kind: "slack" })).toEqual([first.id]);
  });

  test("a list leaves long values out and says how long they are", async (given) => {
    const { effects } = given.store;
    const long = json("x".repeat(LISTED_VALUE));
    const effect = effectsOf(given, await given.running())({ request: long });
    await effects.begin([effect]);
    await effects.finish([{ id: effect.id, ...DONE, answer: long, progress: json(["line"]) }]);
    const omitted = json({ $omitted: { size: LISTED_VALUE + 2 } });
    expect(await effects.list({ limit: 1 })).toMatchObject([{ request: omitted, answer: omitted, progress: null }]);
    expect(await effects.get(effect.id)).toMatchObject({ request: long, answer: long, progress: json(["line"]) });
  });

  test("the next attempt at a call ends one that never ended, and both stay", async (given) => {
    const { effects } = given.store;
    const next = effectsOf(given, await given.running());
    const lost = next({ ordinal: "a/1" });
    const beside = next({ ordinal: "b/1" });
    await effects.begin([lost, beside]);
    given.clock.move(1_000);
    const again = next({ ordinal: "a/1", key: lost.key });
    await effects.begin([again]);
    expect(await effects.get(lost.id)).toMatchObject({
      state: "failed",
      error: NO_END_RECORDED,
      finishedAt: again.startedAt,
    });
    expect(await effects.get(again.id)).toMatchObject({ state: "started", key: lost.key });
    expect(await effects.get(beside.id)).toMatchObject({ state: "started" });
    await effects.finish([{ id: lost.id, ...DONE }]);
    expect(await effects.get(lost.id)).toMatchObject({ state: "done", error: null });
  });

  test("what has no end is ended when its maker is known to be gone", async (given) => {
    const { effects } = given.store;
    const next = effectsOf(given, await given.running());
    const [lost, done] = [next(), next()];
    await effects.begin([lost, done]);
    await effects.finish([{ id: done.id, ...DONE }]);
    given.clock.move(1_000);
    expect(await effects.abandon(given.clock.now())).toBe(1);
    expect(await effects.get(lost.id)).toMatchObject({
      state: "failed",
      error: NO_END_RECORDED,
      finishedAt: given.clock.now(),
    });
    expect(await effects.get(done.id)).toMatchObject({ state: "done" });
    expect(await effects.abandon(given.clock.now())).toBe(0);
  });

  test("the oldest go when there are too many, or when their time is over", async (given) => {
    const { effects } = given.store;
    const next = effectsOf(given, await given.running());
    const made: NewEffect[] = [];
    for (let count = 0; count < 6; count += 1) {
      made.push(next());
      given.clock.move(10);
    }
    await effects.begin(made);
    const left = async () =>
      (await effects.list({ limit: 10 })).map(({ id }) => made.findIndex((one) => one.id === id));
    expect(await effects.prune({ beforeMs: 0, keep: 6, limit: 10 })).toBe(0);
    expect(await effects.prune({ beforeMs: 0, keep: 4, limit: 1 })).toBe(1);
    expect(await effects.prune({ beforeMs: 0, keep: 4, limit: 10 })).toBe(1);
    expect(await left()).toEqual([5, 4, 3, 2]);
    expect(await effects.prune({ beforeMs: made[4]!.startedAt, keep: 100, limit: 10 })).toBe(2);
    expect(await left()).toEqual([5, 4]);
  });

  test("what a task reached outside goes with it", async (given) => {
    const { effects, tasks } = given.store;
    const run = await given.running();
    const gone = effectsOf(given, run)();
    const stays = effectsOf(given, await given.running())({ id: gone.id.replace(/.$/, "f") });
    await effects.begin([gone, stays]);
    await given.complete(run);
    given.clock.move(1_000);
    expect(await tasks.forget(given.clock.now(), 10)).toBe(1);
    expect(await effects.get(gone.id)).toBeNull();
    expect(await effects.get(stays.id)).not.toBeNull();
  });
}
