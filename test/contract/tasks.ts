// The beginning of tasks, their values, and retention.
import { expect } from "vitest";
import type { Case } from "./case.ts";
import { json, newTask, raw } from "./given.ts";

const EXACT_TEXTS = [
  "12345678901234567890123",
  "-0",
  "1e400",
  '{"a":1,"a":2}',
  '{ "spaced" : [1 , 2] }',
  '"\\ud800 lone, \\u0000 zero, \\ufffe no character"',
  '"grüße 日本語 🌊 \u2028 \ufffe"',
  `"${"x".repeat(300_000)}"`,
];

export function tasksContract(test: Case): void {
  test("a new task is pending, with its cause and one run", async (given) => {
    const cause = { kind: "webhook", ref: "delivery-7" } as const;
    const parent = await given.task();
    const answer = await given.task({ cause, parentTaskId: parent.taskId, harnessType: "codex", maxAttempts: 4 });
    expect(answer).toMatchObject({ attempt: 1, created: true });
    const { task, run } = await given.found(answer.taskId);
    expect(task).toEqual({
      taskId: answer.taskId,
      queue: "centaur_workflows",
      workflowName: "greet",
      state: "pending",
      input: json({ name: "Ada" }),
      output: null,
      attempts: 1,
      maxAttempts: 4,
      lastRunId: answer.runId,
      idempotencyKey: null,
      cause,
      parentTaskId: parent.taskId,
      harnessType: "codex",
      createdAt: given.clock.now(),
      updatedAt: given.clock.now(),
      startedAt: null,
      finishedAt: null,
      pinnedGeneration: null,
    });
    expect(run).toMatchObject({ runId: answer.runId, attempt: 1, state: "pending", failure: null, startedAt: null });
  });

  test("answers come in the order of the members", async (given) => {
    const names = ["one", "two", "three"];
    const answers = await given.store.tasks.enqueue(names.map((workflowName) => newTask({ workflowName })));
    const found = await Promise.all(answers.map(({ taskId }) => given.found(taskId)));
    expect(found.map(({ task }) => task.workflowName)).toEqual(names);
  });

  test("input, checkpoints and output come back as the same text", async (given) => {
    for (const text of EXACT_TEXTS) {
      const run = await given.running({ input: raw(text) });
      expect(run.input).toBe(text);
      await given.step(run, "value", raw(text));
      await given.complete(run, raw(text));
      const [checkpoint] = await given.store.reads.checkpoints(run.taskId);
      expect(checkpoint!.value).toBe(text);
      expect((await given.found(run.taskId)).task.output).toBe(text);
    }
  });

  test("a raw lone surrogate in a value is escaped, not replaced", async (given) => {
    const run = await given.running({ input: raw('"a\ud800b"') });
    expect(run.input).toBe('"a\\ud800b"');
  });

  test("names with lone surrogates and odd characters stay apart and come back as they are", async (given) => {
    const names = ["a\ud800", "a\ud801", "a\ufffd", "a\ufffed800", "a\u0000b", "a"];
    const run = await given.running({ workflowName: names[0]! });
    expect(run.workflowName).toBe(names[0]);
    for (const name of names) expect(await given.step(run, name)).toEqual({ ok: true });
    expect((await given.store.reads.checkpoints(run.taskId)).map(({ name }) => name)).toEqual(names);
    expect(await given.store.reads.activeNames()).toEqual([names[0]]);
  });

  test("retention deletes a finished task and all of it, and nothing else", async (given) => {
    const old = await given.running();
    await given.step(old, "one");
    const logged = given.store.logs.append([
      { taskId: old.taskId, runId: old.runId, at: 1, level: "info", source: "log", message: "hello", fields: null },
    ]);
    await given.complete(old);
    await logged;
    const unfinished = await given.task();
    given.clock.move(1_000);
    const boundary = given.clock.now();
    const recent = await given.runIn("failed");
    expect(await given.store.tasks.forget(boundary, 10)).toBe(1);
    expect(await given.store.reads.find(old.taskId)).toBeNull();
    expect(await given.store.reads.find(old.runId)).toBeNull();
    expect(await given.store.reads.checkpoints(old.taskId)).toEqual([]);
    expect(await given.store.logs.list(old.taskId, { limit: 10 })).toEqual([]);
    expect(await given.stateOf(unfinished.taskId)).not.toBe("completed");
    expect(await given.stateOf(recent.taskId)).toBe("failed");
    expect(await given.store.tasks.forget(boundary, 10)).toBe(0);
  });

  test("retention stops at its limit", async (given) => {
    for (let i = 0; i < 3; i += 1) await given.runIn("completed");
    given.clock.move(1);
    expect(await given.store.tasks.forget(given.clock.now(), 2)).toBe(2);
    expect(await given.store.tasks.forget(given.clock.now(), 2)).toBe(1);
  });

  test("the store can commit, says what it is, and refuses every call once it is closed", async (given) => {
    await given.store.admin.ping();
    expect(given.store.admin.describe().schema).toBeGreaterThan(0);
    await given.store.admin.close();
    const closed = { code: "unavailable" };
    await expect(given.task()).rejects.toMatchObject(closed);
    await expect(given.claim()).rejects.toMatchObject(closed);
    await expect(given.store.reads.find("x")).rejects.toMatchObject(closed);
    await expect(given.store.events.get("x")).rejects.toMatchObject(closed);
    await expect(given.store.logs.append([])).rejects.toMatchObject(closed);
    await expect(given.store.admin.ping()).rejects.toMatchObject(closed);
    await expect(given.store.admin.backup("nowhere")).rejects.toMatchObject(closed);
    await given.store.admin.close();
  });

  test("what was called before the close is committed by it", async (given) => {
    const enqueued = given.task();
    const closing = given.store.admin.close();
    await expect(enqueued).resolves.toMatchObject({ created: true });
    await closing;
  });
}
