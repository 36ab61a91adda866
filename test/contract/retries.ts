// Failed attempts and what follows them.
import { expect } from "vitest";
import type { TaskId } from "../../src/core/ids.ts";
import type { Case } from "./case.ts";
import { BROKEN, json, onEvent } from "./given.ts";

export function retriesContract(test: Case): void {
  test("a failed attempt is followed by a new run after its delay", async (given) => {
    const first = await given.running({ maxAttempts: 2 });
    const failure = { ...BROKEN, traceback: "Traceback …", crash: "oom" };
    const answer = await given.fail(first, 2_000, failure);
    const nextAttemptAt = given.clock.now() + 2_000;
    expect(answer).toMatchObject({ ok: true, taskState: "sleeping", nextAttemptAt });
    const { task, run } = await given.found(first.taskId);
    expect(task).toMatchObject({ state: "sleeping", attempts: 2, finishedAt: null });
    expect(run).toMatchObject({ attempt: 2, state: "sleeping", availableAt: nextAttemptAt, startedAt: null });
    expect((await given.found(first.runId)).run).toMatchObject({ state: "failed", attempt: 1, failure });
    expect(await given.claim()).toEqual([]);
    given.clock.move(2_000);
    const second = await given.claimOne();
    expect(second).toMatchObject({ taskId: first.taskId, runId: run.runId, attempt: 2 });
    expect(second.claimToken).not.toBe(first.claimToken);
  });

  test("a failed attempt without a delay is due at once", async (given) => {
    const run = await given.running();
    expect(await given.fail(run, 0)).toMatchObject({ taskState: "pending", nextAttemptAt: given.clock.now() });
    expect((await given.claimOne()).attempt).toBe(2);
  });

  test("the last attempt's failure is the task's", async (given) => {
    const { taskId } = await given.task({ maxAttempts: 3 });
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const run = await given.claimOne();
      expect(run.attempt).toBe(attempt);
      const answer = await given.fail(run, 0);
      if (attempt < 3) continue;
      expect(answer).toEqual({ ok: true, taskState: "failed", nextRunId: null, nextAttemptAt: null });
    }
    const { task } = await given.found(taskId);
    expect(task).toMatchObject({ state: "failed", attempts: 3, finishedAt: given.clock.now(), output: null });
    expect((await given.store.reads.runs(taskId)).map(({ state }) => state)).toEqual(["failed", "failed", "failed"]);
    expect(await given.claim()).toEqual([]);
  });

  test("a failure that is not to be retried ends the task", async (given) => {
    const run = await given.running({ maxAttempts: 5 });
    expect(await given.fail(run, null)).toMatchObject({ taskState: "failed", nextRunId: null });
    expect((await given.found(run.taskId)).task).toMatchObject({ state: "failed", attempts: 1 });
  });

  test("retrying a failed task gives it one more attempt with its checkpoints", async (given) => {
    const first = await given.running({ maxAttempts: 1 });
    await given.step(first, "a", json(1));
    await given.fail(first, 0);
    given.clock.move(1_000);
    const answer = await given.retry(first.taskId);
    expect(answer).toMatchObject({ ok: true, taskId: first.taskId, attempt: 2 });
    const { task } = await given.found(first.taskId);
    expect(task).toMatchObject({ state: "pending", attempts: 2, maxAttempts: 2, finishedAt: null });
    const second = await given.claimOne();
    expect(second).toMatchObject({ attempt: 2, recorded: [{ name: "a" }], dueAt: given.clock.now() });
    await given.complete(second);
    expect(await given.stateOf(first.taskId)).toBe("completed");
  });

  test("retrying leaves attempts that were not used", async (given) => {
    const run = await given.running({ maxAttempts: 5 });
    await given.fail(run, null);
    await given.retry(run.taskId);
    expect((await given.found(run.taskId)).task.maxAttempts).toBe(5);
  });

  test("retrying twice at once gives one attempt", async (given) => {
    const run = await given.runIn("failed");
    const answers = await given.store.tasks.retry([run.taskId, run.taskId]);
    expect(answers).toMatchObject([
      { ok: true, attempt: 2 },
      { ok: false, reason: "not_failed", state: "pending" },
    ]);
  });

  test("retrying an unknown task says so", async (given) => {
    const taskId = "01890000-0000-7000-8000-000000000000" as TaskId;
    expect(await given.retry(taskId)).toEqual({ ok: false, reason: "not_found" });
  });

  test("waits of a failed attempt are there for the next one", async (given) => {
    const run = await given.running();
    await given.asleep(run, onEvent("wake"), onEvent("slow", 60_000));
    const deadline = given.clock.now() + 60_000;
    await given.emit("wake");
    await given.fail(await given.claimOne(), 0);
    given.clock.move(1_000);
    const second = await given.claimOne();
    expect((await given.asleep(second, onEvent("slow", 60_000))).wakeAt).toBe(deadline);
  });
}
