// Taking due runs, holding them, giving them back, and ending claims nobody holds.
import { expect } from "vitest";
import type { Case } from "./case.ts";
import { LEASE_MS, newTask, onTime, OWNER, QUEUE } from "./given.ts";

const LOST = { name: "$lease_expired", message: "nobody renewed the lease" };

export function claimsContract(test: Case): void {
  test("due runs are taken earliest first, up to the limit, from their own queue", async (given) => {
    const first = await given.task();
    given.clock.move(5);
    const second = await given.task();
    await given.task();
    const other = await given.task({ queue: "centaur_workflows_etl" });
    expect((await given.claim({ limit: 2 })).map(({ taskId }) => taskId)).toEqual([first.taskId, second.taskId]);
    expect((await given.claim({ queue: "centaur_workflows_etl" })).map(({ taskId }) => taskId)).toEqual([other.taskId]);
    expect(await given.claim()).toHaveLength(1);
    expect(await given.claim()).toEqual([]);
  });

  test("a claim notes the generation it names, and one without keeps the last", async (given) => {
    const { taskId } = await given.task();
    const claim = { queue: QUEUE, limit: 1, leaseMs: LEASE_MS, owner: OWNER };
    const run = (await given.store.claims.claim([{ ...claim, generation: "g1" }]))[0]![0]!;
    expect((await given.found(taskId)).run.generation).toBe("g1");
    await given.store.claims.release([run]);
    await given.store.claims.claim([claim]);
    expect((await given.found(taskId)).run.generation).toBe("g1");
  });

  test("a claimed run carries all that its work needs", async (given) => {
    const dueAt = given.clock.now();
    const { taskId, runId } = await given.task({ harnessType: "codex", maxAttempts: 7 });
    given.clock.move(40);
    const run = await given.claimOne();
    expect(run).toEqual({
      taskId,
      runId,
      queue: QUEUE,
      workflowName: "greet",
      input: '{"name":"Ada"}',
      attempt: 1,
      maxAttempts: 7,
      claimToken: run.claimToken,
      leaseUntil: given.clock.now() + LEASE_MS,
      harnessType: "codex",
      pinnedGeneration: null,
      dueAt,
      recorded: [],
    });
    const found = await given.found(taskId);
    expect(found.task.startedAt).toBe(given.clock.now());
    expect(found.run.startedAt).toBe(given.clock.now());
  });

  test("several requests of one call are answered each, and no run twice", async (given) => {
    for (let i = 0; i < 5; i += 1) await given.task();
    const request = { queue: QUEUE, limit: 2, leaseMs: LEASE_MS, owner: OWNER };
    const answers = await given.store.claims.claim([request, { ...request, queue: "empty" }, request, request]);
    expect(answers.map((runs) => runs.length)).toEqual([2, 0, 2, 1]);
    expect(new Set(answers.flat().map(({ runId }) => runId)).size).toBe(5);
  });

  test("every claim has a new token that begins with its owner", async (given) => {
    const { taskId } = await given.task();
    const tokens = new Set<string>();
    for (let i = 0; i < 4; i += 1) {
      const run = await given.claimOne();
      expect(run.taskId).toBe(taskId);
      expect(run.claimToken.startsWith(`${OWNER}:`)).toBe(true);
      tokens.add(run.claimToken);
      await given.store.claims.release([run]);
    }
    expect(tokens.size).toBe(4);
  });

  test("a lease can be extended while it lasts", async (given) => {
    const run = await given.running();
    given.clock.move(LEASE_MS - 1);
    expect(await given.store.claims.extend([{ ...run, leaseMs: LEASE_MS }])).toEqual([{ ok: true }]);
    given.clock.move(LEASE_MS - 1);
    expect((await given.complete(run)).ok).toBe(true);
  });

  test("a released run is the same attempt, due when it was said", async (given) => {
    const run = await given.running();
    await given.step(run, "one");
    expect(await given.store.claims.release([{ ...run, delayMs: 500 }])).toEqual([{ ok: true }]);
    expect(await given.stateOf(run.runId)).toBe("pending");
    given.clock.move(499);
    expect(await given.claim()).toEqual([]);
    given.clock.move(1);
    const again = await given.claimOne();
    expect(again).toMatchObject({ runId: run.runId, attempt: 1, recorded: [{ name: "one", kind: "step" }] });
  });

  test("unparking makes the released runs of a workflow due, and no others", async (given) => {
    const parked = await given.running({ workflowName: "back" });
    const other = await given.running({ workflowName: "still-gone" });
    const sleeper = await given.running({ workflowName: "back" });
    await given.store.claims.release([
      { ...parked, delayMs: 60_000 },
      { ...other, delayMs: 60_000 },
    ]);
    await given.asleep(sleeper, onTime(60_000));
    expect(await given.store.claims.unpark(["back", "unknown"])).toBe(1);
    expect((await given.claim()).map(({ runId }) => runId)).toEqual([parked.runId]);
    expect(await given.store.claims.unpark([])).toBe(0);
  });

  test("nextDueAt is the earliest time of the queues asked for", async (given) => {
    expect(await given.store.claims.nextDueAt([QUEUE])).toBeNull();
    const run = await given.running();
    expect(await given.store.claims.nextDueAt([QUEUE])).toBeNull();
    const { wakeAt } = await given.asleep(run, onTime(9_000));
    const soon = await given.running({ queue: "other" });
    await given.store.claims.release([{ ...soon, delayMs: 100 }]);
    expect(await given.store.claims.nextDueAt([QUEUE])).toBe(wakeAt);
    expect(await given.store.claims.nextDueAt([QUEUE, "other"])).toBe(given.clock.now() + 100);
    expect(await given.store.claims.nextDueAt([])).toBeNull();
  });

  test("a lapsed claim is ended as a failed attempt, and the next one is due at once", async (given) => {
    const run = await given.running({ maxAttempts: 2 });
    await given.step(run, "one");
    given.clock.move(1);
    // Lapses after the first one and has no next attempt, so that nothing depends on an order among equals.
    const last = await given.running({ maxAttempts: 1 });
    given.clock.move(LEASE_MS);
    const request = { scope: "lapsed", owner: OWNER, failure: LOST, limit: 10 } as const;
    const [expired, ...more] = await given.store.claims.expire(request);
    expect(more.map(({ runId }) => runId)).toEqual([last.runId]);
    const { runId, taskId } = run;
    expect(expired).toEqual({ runId, taskId, queue: QUEUE, workflowName: "greet", attempt: 1, taskState: "pending" });
    const found = await given.found(runId);
    expect(found.run).toMatchObject({ state: "failed", failure: LOST, finishedAt: given.clock.now() });
    const second = await given.claimOne();
    expect(second).toMatchObject({ taskId, attempt: 2, recorded: [{ name: "one" }] });
    given.clock.move(LEASE_MS);
    expect(await given.store.claims.expire({ ...request, limit: 1 })).toMatchObject([{ taskState: "failed" }]);
    expect((await given.found(taskId)).task).toMatchObject({ state: "failed", attempts: 2 });
  });

  test("a lease that lasts is left alone", async (given) => {
    await given.running();
    given.clock.move(LEASE_MS - 1);
    const request = { scope: "lapsed", owner: "someone-else", failure: LOST, limit: 10 } as const;
    expect(await given.store.claims.expire(request)).toEqual([]);
  });

  test("the owner ends the claims of other owners at once, not its own", async (given) => {
    await given.store.tasks.enqueue([newTask(), newTask(), newTask()]);
    const own = await given.claimOne({ owner: "host:2" });
    const foreign = await given.claimOne({ owner: "host:1" });
    const alike = await given.claimOne({ owner: "host:22" });
    const request = { scope: "foreign", owner: "host:2", failure: LOST, limit: 10 } as const;
    const expired = await given.store.claims.expire(request);
    expect(expired.map(({ runId }) => runId).toSorted()).toEqual([foreign.runId, alike.runId].toSorted());
    expect(await given.stateOf(own.runId)).toBe("running");
  });
}
