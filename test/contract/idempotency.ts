// A start key starts at most one task per queue, for ever (invariant 17).
import { expect } from "vitest";
import type { Case } from "./case.ts";
import { newTask } from "./given.ts";

export function idempotencyContract(test: Case): void {
  test("a key starts one task, and every later start is answered with it", async (given) => {
    const first = await given.task({ idempotencyKey: "k" });
    const again = await given.task({ idempotencyKey: "k", workflowName: "other" });
    expect(again).toEqual({ ...first, created: false });
    expect((await given.found(first.taskId)).task).toMatchObject({ idempotencyKey: "k", workflowName: "greet" });
    expect(await given.store.reads.list({ limit: 10 })).toHaveLength(1);
  });

  test("the answer names the newest run", async (given) => {
    const first = await given.running({ idempotencyKey: "k" });
    await given.fail(first, 0);
    const second = await given.claimOne();
    const again = await given.task({ idempotencyKey: "k" });
    expect(again).toEqual({ taskId: first.taskId, runId: second.runId, attempt: 2, created: false });
  });

  test("one batch with one key twice starts one task", async (given) => {
    const answers = await given.store.tasks.enqueue([
      newTask({ idempotencyKey: "k" }),
      newTask({ idempotencyKey: "k" }),
    ]);
    expect(answers.map(({ created }) => created)).toEqual([true, false]);
    expect(answers[0]!.taskId).toBe(answers[1]!.taskId);
  });

  test("keys belong to their queue, and tasks without one are all new", async (given) => {
    const answers = await given.store.tasks.enqueue([
      newTask({ idempotencyKey: "k" }),
      newTask({ idempotencyKey: "k", queue: "other" }),
      newTask(),
      newTask(),
    ]);
    expect(answers.every(({ created }) => created)).toBe(true);
    expect(new Set(answers.map(({ taskId }) => taskId)).size).toBe(4);
  });

  test("a key outlives its task: after retention it still answers the old ids", async (given) => {
    const first = await given.running({ idempotencyKey: "k" });
    await given.fail(first, 0);
    const second = await given.claimOne();
    await given.complete(second);
    given.clock.move(1);
    expect(await given.store.tasks.forget(given.clock.now(), 10)).toBe(1);
    const again = await given.task({ idempotencyKey: "k" });
    expect(again).toEqual({ taskId: first.taskId, runId: second.runId, attempt: 2, created: false });
    expect(await given.store.reads.list({ limit: 10 })).toEqual([]);
  });
}
