// Calls of one turn are one transaction in call order; each stands for itself.
import { expect } from "vitest";
import type { Case } from "./case.ts";
import { json, newTask, onEvent, raw } from "./given.ts";

export function groupCommitContract(test: Case): void {
  test("a claim sees the task that was enqueued just before it", async (given) => {
    const enqueued = given.task();
    const claimed = given.claim();
    expect((await claimed).map(({ taskId }) => taskId)).toEqual([(await enqueued).taskId]);
  });

  test("a whole life can be written in one turn, once its token is known", async (given) => {
    const run = await given.running();
    const answers = await Promise.all([
      given.step(run, "a"),
      given.step(run, "b"),
      given.complete(run),
      given.step(run, "too late"),
    ]);
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, true, false]);
    expect(await given.store.reads.checkpoints(run.taskId)).toHaveLength(2);
  });

  test("the sizes of commits and claims are counted", async (given) => {
    const { commits, claims } = given.store.admin.batches();
    const [before, claimed] = [commits.sum, claims.sum];
    await Promise.all([given.task(), given.task(), given.task()]);
    expect(commits.sum - before).toBe(3);
    await given.claim({ limit: 10 });
    expect(claims.sum - claimed).toBe(3);
    expect(Math.max(...commits.counts.slice(1))).toBeGreaterThan(0);
  });

  test("a call that fails does not fail its batch-mates, and leaves nothing behind", async (given) => {
    const run = await given.running();
    // Nothing to wait for is a fault; of its call the first, good member must go too.
    const good = { runId: run.runId, claimToken: run.claimToken, waits: [onEvent("x")] };
    const before = given.step(run, "before");
    const faulty = given.store.progress.suspend([good, { ...good, waits: [] }]);
    const after = given.step(run, "after");
    const emitted = given.emit("y");
    await expect(faulty).rejects.toMatchObject({ code: "bad_request" });
    expect(await before).toEqual({ ok: true });
    expect(await after).toEqual({ ok: true });
    expect((await emitted).first).toBe(true);
    expect(await given.stateOf(run.runId)).toBe("running");
    expect(await given.store.reads.waits(run.taskId)).toEqual([]);
    const names = (await given.store.reads.checkpoints(run.taskId)).map(({ name }) => name);
    expect(names).toEqual(["before", "after"]);
  });

  test("several failing calls fail alone, wherever they stand", async (given) => {
    const run = await given.running();
    const bad = () => given.store.progress.suspend([{ ...run, waits: [] }]);
    const settled = await Promise.allSettled([bad(), given.step(run, "a"), bad(), given.step(run, "b"), bad()]);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected", "fulfilled", "rejected"]);
    expect((await given.step(run, "c")).ok).toBe(true);
    const checkpoints = await given.store.reads.checkpoints(run.taskId);
    expect(checkpoints.map(({ name, seq }) => [name, seq])).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", 3],
    ]);
  });

  test("a refused member does not refuse its batch-mates of the same call", async (given) => {
    const stale = await given.runIn("pending");
    const live = await given.claimOne();
    const other = await given.running();
    const output = json(1);
    const answers = await given.store.progress.complete([
      { ...stale, output },
      { ...live, output },
      { ...other, output },
    ]);
    expect(answers.map(({ ok }) => ok)).toEqual([false, true, true]);
  });

  test("no read sees what is not committed", async (given) => {
    const enqueued = given.task();
    expect(await given.store.reads.list({ limit: 10 })).toEqual([]);
    await enqueued;
    expect(await given.store.reads.list({ limit: 10 })).toHaveLength(1);
  });

  test("a thousand calls of one turn are all answered, each with its own", async (given) => {
    const inputs = Array.from({ length: 1_000 }, (_, index) => raw(String(index)));
    const answers = await Promise.all(inputs.map((input) => given.store.tasks.enqueue([newTask({ input })])));
    const runs = await given.claim({ limit: 1_000 });
    const byTask = new Map(runs.map((run) => [run.taskId, run.input]));
    expect(answers.map(([answer]) => byTask.get(answer!.taskId))).toEqual(inputs);
  });
}
