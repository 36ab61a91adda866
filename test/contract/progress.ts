// Checkpoints and the ends of attempts (invariants 9 and 10).
import { expect } from "vitest";
import type { Case } from "./case.ts";
import { json, LEASE_MS, raw } from "./given.ts";

export function progressContract(test: Case): void {
  test("checkpoints come back in recorded order with all that is known of them", async (given) => {
    const run = await given.running();
    await given.step(run, "zebra", json(1), { durationMs: 12.5, position: "flows/greet.py:31" });
    given.clock.move(5);
    await given.step(run, "ant", json(2));
    const { runId: ownerRunId, taskId } = run;
    const now = given.clock.now();
    const common = { kind: "step", ownerRunId, attempt: 1 };
    expect(await given.store.reads.checkpoints(taskId)).toEqual([
      {
        ...common,
        name: "zebra",
        value: "1",
        seq: 1,
        createdAt: now - 5,
        durationMs: 12.5,
        position: "flows/greet.py:31",
      },
      { ...common, name: "ant", value: "2", seq: 2, createdAt: now, durationMs: 1, position: null },
    ]);
  });

  test("a name is recorded once: a second write answers the first value and leaves no gap", async (given) => {
    const run = await given.running();
    expect(await given.step(run, "a", raw("1"))).toEqual({ ok: true });
    expect(await given.step(run, "a", raw("2"))).toEqual({ ok: true, kept: { name: "a", kind: "step", value: "1" } });
    await given.step(run, "b");
    const checkpoints = await given.store.reads.checkpoints(run.taskId);
    expect(checkpoints.map(({ name, value, seq }) => [name, value, seq])).toEqual([
      ["a", "1", 1],
      ["b", '"b"', 2],
    ]);
  });

  test("two writes of one name in one batch record the first", async (given) => {
    const run = await given.running();
    const answers = await Promise.all([given.step(run, "a", raw("1")), given.step(run, "a", raw("2"))]);
    expect(answers).toEqual([{ ok: true }, { ok: true, kept: { name: "a", kind: "step", value: "1" } }]);
  });

  test("a later attempt sees the first values and goes on counting", async (given) => {
    const first = await given.running();
    await given.step(first, "a", raw("1"));
    await given.fail(first, 0);
    const second = await given.claimOne();
    expect(second.recorded).toEqual([{ name: "a", kind: "step", value: "1" }]);
    await given.step(second, "b", raw("2"));
    const checkpoints = await given.store.reads.checkpoints(second.taskId);
    expect(checkpoints.map(({ seq, attempt, ownerRunId }) => [seq, attempt, ownerRunId])).toEqual([
      [1, 1, first.runId],
      [2, 2, second.runId],
    ]);
  });

  test("a checkpoint renews the lease", async (given) => {
    const run = await given.running();
    for (let i = 0; i < 3; i += 1) {
      given.clock.move(LEASE_MS - 1);
      expect((await given.step(run, `step ${i}`)).ok).toBe(true);
    }
  });

  test("completion ends the task with its output", async (given) => {
    const run = await given.running();
    given.clock.move(70);
    expect(await given.complete(run, json({ ok: 1 }))).toEqual({ ok: true });
    const { task, run: ended } = await given.found(run.taskId);
    const now = given.clock.now();
    expect(task).toMatchObject({ state: "completed", output: '{"ok":1}', finishedAt: now, updatedAt: now });
    expect(ended).toMatchObject({ state: "completed", finishedAt: now, failure: null });
    expect(await given.claim()).toEqual([]);
  });

  test("a stamp notes which generation runs the claim", async (given) => {
    const run = await given.running();
    await given.store.progress.stamp([{ ...run, generation: "abc123" }]);
    expect((await given.found(run.runId)).run.generation).toBe("abc123");
  });

  test("many checkpoints of one run keep their order", async (given) => {
    const run = await given.running();
    const names = Array.from({ length: 300 }, (_, index) => `step ${index}`);
    await Promise.all(names.map((name) => given.step(run, name)));
    await given.store.claims.release([run]);
    expect((await given.claimOne()).recorded.map(({ name }) => name)).toEqual(names);
  });
}
