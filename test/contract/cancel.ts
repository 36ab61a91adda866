// Cancelling works from every state that is not an end, and frees everything the task held (invariant 19's second half).
import { expect } from "vitest";
import type { TaskId } from "../../src/core/ids.ts";
import type { Case } from "./case.ts";
import { onEvent, onTime } from "./given.ts";

export function cancelContract(test: Case): void {
  test("cancelling says what it did, and does it once", async (given) => {
    const { taskId, runId } = await given.running();
    given.clock.move(10);
    const answer = { ok: true, taskId, runId, state: "cancelled" };
    expect(await given.cancel(taskId)).toEqual({ ...answer, changed: true });
    const { task, run } = await given.found(taskId);
    expect(task).toMatchObject({ state: "cancelled", finishedAt: given.clock.now(), output: null });
    expect(run).toMatchObject({ state: "cancelled", finishedAt: given.clock.now(), failure: null });
    given.clock.move(10);
    expect(await given.cancel(taskId)).toEqual({ ...answer, changed: false });
    expect((await given.found(taskId)).task).toEqual(task);
  });

  test("a cancelled task is not claimed, by its time or by an event", async (given) => {
    const pending = await given.task();
    await given.cancel(pending.taskId);
    const sleeping = await given.running();
    await given.asleep(sleeping, onTime(10), onEvent("go"));
    await given.cancel(sleeping.taskId);
    expect(await given.store.reads.waits(sleeping.taskId)).toEqual([]);
    expect((await given.emit("go")).woken).toEqual([]);
    given.clock.move(1_000);
    expect(await given.claim()).toEqual([]);
    expect(await given.store.claims.nextDueAt(["centaur_workflows"])).toBeNull();
  });

  test("cancelling between two attempts cancels the one to come", async (given) => {
    const run = await given.running();
    await given.fail(run, 5_000);
    const answer = await given.cancel(run.taskId);
    expect(answer).toMatchObject({ ok: true, changed: true });
    expect((await given.store.reads.runs(run.taskId)).map(({ state }) => state)).toEqual(["failed", "cancelled"]);
  });

  test("an ended task keeps its end", async (given) => {
    for (const state of ["completed", "failed"] as const) {
      const run = await given.runIn(state);
      expect(await given.cancel(run.taskId)).toMatchObject({ ok: true, changed: false, state });
    }
  });

  test("cancelling an unknown task says so and spares its batch-mates", async (given) => {
    const { taskId } = await given.task();
    const unknown = "01890000-0000-7000-8000-000000000000" as TaskId;
    const answers = await given.store.tasks.cancel([unknown, taskId]);
    expect(answers).toMatchObject([
      { ok: false, reason: "not_found" },
      { ok: true, changed: true },
    ]);
  });
}
