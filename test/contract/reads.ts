// What can be asked of the store.
import { expect } from "vitest";
import { STATES } from "../../src/core/states.ts";
import type { TaskFilter } from "../../src/ports/store-types.ts";
import type { Case } from "./case.ts";
import { onEvent, QUEUE, type Given } from "./given.ts";

const idsOf = async (given: Given, filter: Partial<TaskFilter> = {}): Promise<string[]> =>
  (await given.store.reads.list({ limit: 100, ...filter })).map(({ task }) => task.taskId);

export function readsContract(test: Case): void {
  test("a task is found by its id and by the id of any of its runs", async (given) => {
    const first = await given.running();
    await given.fail(first, 0);
    const second = await given.claimOne();
    const byTask = await given.found(first.taskId);
    expect(byTask.run.runId).toBe(second.runId);
    const byOld = await given.found(first.runId);
    expect(byOld.run).toMatchObject({ runId: first.runId, state: "failed" });
    expect(byOld.task).toEqual(byTask.task);
    expect(await given.store.reads.find("01890000-0000-7000-8000-000000000000")).toBeNull();
    expect(await given.store.reads.find("no id")).toBeNull();
  });

  test("lists are newest first, one row a task, with a cursor", async (given) => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.unshift((await given.task()).taskId);
    expect(await idsOf(given)).toEqual(ids);
    expect(await idsOf(given, { limit: 2 })).toEqual(ids.slice(0, 2));
    const page = await given.store.reads.list({ limit: 2, before: ids[1] as never });
    expect(page.map(({ task }) => task.taskId)).toEqual(ids.slice(2, 4));
    const retried = await given.claimOne();
    await given.fail(retried, 0);
    expect(await idsOf(given)).toEqual(ids);
  });

  test("lists can be narrowed by state, workflow and parent, in any combination", async (given) => {
    const byState = new Map<string, string>();
    for (const state of [...STATES].toReversed()) byState.set(state, (await given.runIn(state)).taskId);
    const other = await given.task({ workflowName: "other" });
    const child = await given.task({ workflowName: "other", parentTaskId: other.taskId });
    for (const state of STATES.slice(1)) expect(await idsOf(given, { states: [state] })).toEqual([byState.get(state)]);
    const pending = [child.taskId, other.taskId, byState.get("pending")];
    expect(await idsOf(given, { states: ["pending"] })).toEqual(pending);
    const greets = STATES.map((state) => byState.get(state));
    expect(await idsOf(given, { workflowName: "greet" })).toEqual(greets);
    expect(await idsOf(given, { workflowName: "greet", states: ["failed", "sleeping", "cancelled"] })).toEqual(
      ["sleeping", "failed", "cancelled"].map((state) => byState.get(state)),
    );
    expect(await idsOf(given, { parentTaskId: other.taskId })).toEqual([child.taskId]);
    expect(await idsOf(given, { parentTaskId: other.taskId, states: ["running"] })).toEqual([]);
    expect(await idsOf(given, { workflowName: "greet", before: byState.get("failed") as never, limit: 1 })).toEqual([
      byState.get("cancelled"),
    ]);
    expect(await idsOf(given, { states: [] })).toEqual([]);
  });

  test("a failed task that is retried is in the list of its new state only", async (given) => {
    const run = await given.runIn("failed");
    await given.retry(run.taskId);
    expect(await idsOf(given, { states: ["failed"] })).toEqual([]);
    expect(await idsOf(given, { states: ["pending"] })).toEqual([run.taskId]);
  });

  test("runs come in the order of their attempts", async (given) => {
    const first = await given.running();
    await given.fail(first, 0);
    await given.fail(await given.claimOne(), 0);
    const runs = await given.store.reads.runs(first.taskId);
    expect(runs.map(({ attempt, state }) => [attempt, state])).toEqual([
      [1, "failed"],
      [2, "failed"],
      [3, "pending"],
    ]);
  });

  test("active names and tasks are those that have not ended", async (given) => {
    const ended = await given.running({ workflowName: "ended" });
    await given.complete(ended);
    const one = await given.task({ workflowName: "active" });
    const two = await given.task({ workflowName: "active" });
    const asleep = await given.running({ workflowName: "asleep", queue: "other" });
    await given.asleep(asleep, onEvent("x"));
    expect((await given.store.reads.activeNames()).toSorted()).toEqual(["active", "asleep"]);
    expect(await given.store.reads.activeOf("active", 10)).toEqual([one.taskId, two.taskId]);
    expect(await given.store.reads.activeOf("active", 1)).toEqual([one.taskId]);
    expect(await given.store.reads.activeOf("ended", 10)).toEqual([]);
  });

  test("counts are of tasks, by queue, state and workflow", async (given) => {
    const failing = await given.running();
    await given.fail(failing, 1_000);
    await given.runIn("completed");
    await given.runIn("completed");
    await given.runIn("failed");
    await given.task({ workflowName: "other", queue: "q2" });
    await given.complete(await given.running({ queue: "q3" }));
    const counts = await given.store.reads.counts();
    const rows = counts.map(({ queue, state, workflowName, count }) => `${queue} ${state} ${workflowName} ${count}`);
    expect(rows.toSorted()).toEqual(
      [
        `${QUEUE} completed greet 2`,
        "q3 completed greet 1",
        `${QUEUE} failed greet 1`,
        `${QUEUE} sleeping greet 1`,
        "q2 pending other 1",
      ].toSorted(),
    );
  });
}
