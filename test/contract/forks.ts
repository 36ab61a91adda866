// Tasks that begin with what another one has recorded.
import { expect } from "vitest";
import type { TaskId } from "../../src/core/ids.ts";
import type { Fork } from "../../src/ports/store-types.ts";
import type { Case } from "./case.ts";
import { json, newTask, raw, type Given } from "./given.ts";

const EXACT = '{ "spaced" : [1 , 2],"a":1,"a":-0}';

/** A running task with three checkpoints. */
async function source(given: Given) {
  const run = await given.running();
  await given.step(run, "one", raw(EXACT), { position: "/flows/w.py:3", durationMs: 7 });
  await given.step(run, "two", json({ total: 5 }));
  await given.step(run, "three");
  return run;
}

async function fork(given: Given, taskId: TaskId, fields: Partial<Fork> = {}) {
  const task = newTask({ cause: { kind: "fork", ref: taskId } });
  const [answer] = await given.store.tasks.fork([{ source: taskId, before: 3, task, edits: [], ...fields }]);
  return answer!;
}

async function forked(given: Given, taskId: TaskId, fields: Partial<Fork> = {}) {
  const answer = await fork(given, taskId, fields);
  if (!answer.ok) throw new Error(answer.reason);
  return answer;
}

const recorded = async (given: Given, taskId: TaskId) =>
  (await given.store.reads.checkpoints(taskId)).map(({ seq, name, value }) => [seq, name, value]);

export function forksContract(test: Case): void {
  test("a fork has the checkpoints before the given one as its own, and its first run begins with them", async (given) => {
    const run = await source(given);
    given.clock.move(1_000);
    const made = await forked(given, run.taskId);
    expect(made.kept).toBe(2);
    const { task } = await given.found(made.taskId);
    expect(task).toMatchObject({ state: "pending", attempts: 1, cause: { kind: "fork", ref: run.taskId } });
    const [first] = await given.store.reads.checkpoints(made.taskId);
    expect(first).toMatchObject({ name: "one", seq: 1, kind: "step", attempt: 1, ownerRunId: made.runId });
    expect(first).toMatchObject({ value: EXACT, position: "/flows/w.py:3", durationMs: 7 });
    const claimed = await given.claimOne();
    expect(claimed.taskId).toBe(made.taskId);
    expect(claimed.recorded).toEqual([
      { name: "one", kind: "step", value: EXACT },
      { name: "two", kind: "step", value: json({ total: 5 }) },
    ]);
  });

  test("what a fork records follows what it took over, and the source keeps its own", async (given) => {
    const run = await source(given);
    const made = await forked(given, run.taskId);
    const claimed = await given.claimOne();
    expect(await given.step(claimed, "three", json(33))).toEqual({ ok: true });
    expect(await given.step(claimed, "one", json(0))).toMatchObject({ kept: { value: EXACT } });
    expect(await given.step(claimed, "four")).toEqual({ ok: true });
    expect((await recorded(given, made.taskId)).map(([seq, name]) => [seq, name])).toEqual([
      [1, "one"],
      [2, "two"],
      [3, "three"],
      [4, "four"],
    ]);
    expect((await given.store.reads.checkpoints(made.taskId))[2]!.value).toBe(json(33));
    expect((await recorded(given, run.taskId))[2]).toEqual([3, "three", json("three")]);
  });

  test("a fork may have other values, exactly as they were written", async (given) => {
    const run = await source(given);
    const edits = [
      { name: "two", value: raw(EXACT) },
      { name: "one", value: json("plain") },
    ];
    const made = await forked(given, run.taskId, { edits });
    expect(await recorded(given, made.taskId)).toEqual([
      [1, "one", json("plain")],
      [2, "two", EXACT],
    ]);
    expect((await given.claimOne()).recorded.map(({ value }) => value)).toEqual([json("plain"), EXACT]);
  });

  test("sleeps and waits are taken over as what they were", async (given) => {
    const run = await given.running();
    await given.suspend(run, { step: "nap", kind: "sleep", target: null, delayMs: 10 });
    await given.suspend(run, { step: "never", kind: "event", target: "never", delayMs: 10 });
    given.clock.move(20);
    const woken = await given.claimOne();
    await given.step(woken, "after");
    const kinds = (await given.store.reads.checkpoints(run.taskId)).map(({ name, kind }) => [name, kind]);
    const made = await forked(given, run.taskId, { before: 9 });
    expect((await given.store.reads.checkpoints(made.taskId)).map(({ name, kind }) => [name, kind])).toEqual(kinds);
    expect((await given.claimOne()).recorded.map(({ name, kind }) => [name, kind])).toEqual(kinds);
  });

  test("a fork from the start takes nothing over", async (given) => {
    const run = await source(given);
    const made = await forked(given, run.taskId, { before: 1 });
    expect(made.kept).toBe(0);
    const claimed = await given.claimOne();
    expect(claimed.recorded).toEqual([]);
    expect(await given.step(claimed, "one", json(1))).toEqual({ ok: true });
    expect(await recorded(given, made.taskId)).toEqual([[1, "one", json(1)]]);
  });

  test("a finished task can be forked, and a fork of it too; forgetting them leaves the others", async (given) => {
    const run = await source(given);
    await given.complete(run);
    const first = await forked(given, run.taskId);
    const second = await forked(given, first.taskId, { before: 2 });
    given.clock.move(1_000);
    expect(await given.store.tasks.forget(given.clock.now(), 10)).toBe(1);
    expect(await recorded(given, run.taskId)).toEqual([]);
    expect(await recorded(given, first.taskId)).toHaveLength(2);
    expect(await recorded(given, second.taskId)).toEqual([[1, "one", EXACT]]);
  });

  test("what is not there cannot be forked, and fails none of its batch-mates", async (given) => {
    const run = await source(given);
    const task = newTask({});
    const answers = await given.store.tasks.fork(
      ["00000000-0000-7000-8000-000000000000", run.taskId, "no id"].map((id) => ({
        source: id as TaskId,
        before: 2,
        task,
        edits: [],
      })),
    );
    expect(answers.map(({ ok }) => ok)).toEqual([false, true, false]);
    expect(await given.store.reads.list({ limit: 10 })).toHaveLength(2);
  });
}
