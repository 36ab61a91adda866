// What can be asked of the store about a run that does not go on.
import { expect } from "vitest";
import type { Case } from "./case.ts";
import { LEASE_MS, OWNER, QUEUE } from "./given.ts";

export function insightContract(test: Case): void {
  test("who works in a queue is told with the owner and the end of the lease", async (given) => {
    const run = await given.running({ workflowName: "long" });
    const waiting = await given.task();
    const { run: newest } = await given.found(waiting.taskId);
    const { holders, ahead } = await given.store.insight.lane(QUEUE, newest);
    expect(holders).toMatchObject([{ runId: run.runId, taskId: run.taskId, workflowName: "long" }]);
    expect(holders[0]!.owner.startsWith(OWNER)).toBe(true);
    expect(holders[0]!.leaseUntil).toBe(run.leaseUntil);
    expect(run.leaseUntil - given.clock.now()).toBe(LEASE_MS);
    expect(ahead).toBe(0);
    expect(await given.store.insight.lane("no such queue", newest)).toEqual({ holders: [], ahead: 0 });
  });

  test("the due runs before a run are counted, and none before one that waits for an event", async (given) => {
    await given.task();
    given.clock.move(5);
    await given.task();
    given.clock.move(5);
    const third = await given.task();
    const { run } = await given.found(third.taskId);
    expect((await given.store.insight.lane(QUEUE, run)).ahead).toBe(2);
    expect((await given.store.insight.lane(QUEUE, { ...run, availableAt: null })).ahead).toBe(0);
  });

  test("events are found by the names around one", async (given) => {
    for (const name of ["a1", "a2", "b1", "b2", "c"]) await given.emit(name);
    const near = async (name: string, limit: number) =>
      (await given.store.insight.eventsNear(name, limit)).map((event) => event.name);
    expect(await near("b1", 2)).toEqual(["a1", "a2", "b1", "b2"]);
    expect(await near("b", 1)).toEqual(["a2", "b1"]);
    expect(await near("zz", 5)).toEqual(["a1", "a2", "b1", "b2", "c"]);
    expect((await given.store.insight.eventsNear("c", 1))[1]!.emittedAt).toBe(given.clock.now());
  });
}
