// Tasks that ran in another store.
import { expect } from "vitest";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { ImportedTask } from "../../src/ports/store-imports.ts";
import type { Run, Task } from "../../src/ports/store-types.ts";
import type { Case } from "./case.ts";
import { BROKEN, QUEUE, raw, type Given } from "./given.ts";

const TASK = "01890000-0000-7000-8000-0000000000a0" as TaskId;
const FIRST = "01890000-0000-7000-8000-0000000000a1" as RunId;
const SECOND = "01890000-0000-7000-8000-0000000000a2" as RunId;

/** A task that failed once and then completed, a day before the store's time. */
function importedTask(given: Given, change: Partial<Task> = {}): ImportedTask {
  const at = given.clock.now() - 86_400_000;
  const task: Task = {
    taskId: TASK,
    queue: QUEUE,
    workflowName: "elsewhere",
    state: "completed",
    input: raw('{ "n": 1.0, "u": "\\u0000" }'),
    output: raw("12345678901234567890"),
    attempts: 2,
    maxAttempts: 5,
    lastRunId: SECOND,
    idempotencyKey: null,
    cause: { kind: "import", ref: "completed api" },
    parentTaskId: null,
    harnessType: null,
    createdAt: at,
    updatedAt: at + 30,
    startedAt: at + 5,
    finishedAt: at + 30,
    pinnedGeneration: null,
    ...change,
  };
  const run = { taskId: TASK, availableAt: at, generation: null };
  const runs: Run[] = [
    { ...run, runId: FIRST, attempt: 1, state: "failed", failure: BROKEN, createdAt: at, startedAt: at + 5, finishedAt: at + 10 }, // prettier-ignore
    { ...run, runId: SECOND, attempt: 2, state: task.state, failure: null, createdAt: at + 10, startedAt: at + 20, finishedAt: at + 30 }, // prettier-ignore
  ];
  const step = { taskId: TASK, kind: "step", durationMs: 1.5, position: "a.py:3" } as const;
  const checkpoints = [
    { ...step, name: "one", value: raw("1.0"), seq: 1, ownerRunId: FIRST, attempt: 1, createdAt: at + 6 },
    {
      ...step,
      name: "two \u0000",
      value: raw('"\\ud800"'),
      seq: 2,
      ownerRunId: SECOND,
      attempt: 2,
      createdAt: at + 21,
    },
  ];
  const line = { taskId: TASK, runId: SECOND, at: at + 22, level: "info", source: "log" } as const;
  const effect: ImportedTask["effects"][number] = {
    id: "01890000-0000-7000-8000-0000000000e1",
    taskId: TASK,
    runId: SECOND,
    workflowName: "elsewhere",
    kind: "tool",
    callType: "ctx.call_tool",
    target: "a.b",
    ordinal: "1",
    key: null,
    nature: "real",
    by: "local",
    startedAt: at,
    request: raw("{}"),
    state: "done",
    finishedAt: at + 1,
    answer: raw("2.0"),
    error: null,
    progress: null,
  };
  const delivery: ImportedTask["deliveries"][number] = {
    id: "01890000-0000-7000-8000-0000000000d1",
    slug: "hook",
    workflowName: "elsewhere",
    receivedAt: at,
    method: "POST",
    url: "/api/webhooks/hook",
    headers: raw("{}"),
    bodySha256: "0".repeat(64),
    bodySize: 2,
    sourceIp: null,
    outcome: "accepted",
    checks: raw("[]"),
    key: "k",
    taskId: TASK,
    created: true,
    sameBody: true,
    body: Buffer.from("{}").toString("base64"),
  };
  return {
    task,
    runs,
    checkpoints,
    logs: [{ ...line, message: "said", fields: raw('{"a":1}') }],
    effects: [effect],
    deliveries: [delivery],
  };
}

export function importsContract(test: Case): void {
  test("an imported task is read as it was, with everything that belongs to it", async (given) => {
    const imported = importedTask(given);
    expect(await given.store.imports.add(imported)).toEqual({ ok: true });
    const { task } = await given.found(TASK);
    expect(task).toEqual(imported.task);
    const runs = await given.store.reads.runs(TASK);
    expect(runs.map(({ runId, state, failure }) => [runId, state, failure])).toEqual([
      [FIRST, "failed", BROKEN],
      [SECOND, "completed", null],
    ]);
    const checkpoints = await given.store.reads.checkpoints(TASK);
    expect(checkpoints.map((row) => ({ ...row, taskId: TASK }))).toEqual(imported.checkpoints);
    expect(await given.store.logs.list(TASK, { limit: 10 })).toMatchObject(imported.logs);
    expect(await given.store.effects.get(imported.effects[0]!.id)).toEqual(imported.effects[0]);
    expect((await given.store.deliveries.list({ taskId: TASK, limit: 10 })).map(({ id }) => id)).toHaveLength(1);
    expect((await given.store.deliveries.body(imported.deliveries[0]!.id))?.toString()).toBe("{}");
  });

  test("what is here already is not imported again, and nothing of it is written", async (given) => {
    await given.store.imports.add(importedTask(given));
    const again = importedTask(given, { taskId: "01890000-0000-7000-8000-0000000000b0" as TaskId });
    expect(await given.store.imports.add(again)).toEqual({ ok: false, reason: "exists" });
    expect(await given.store.reads.find(again.task.taskId)).toBeNull();
    expect(await given.store.imports.add(importedTask(given))).toEqual({ ok: false, reason: "exists" });
    expect(await given.store.logs.list(TASK, { limit: 10 })).toHaveLength(1);
  });

  test("an imported task is never claimed and takes no key", async (given) => {
    await given.store.imports.add(importedTask(given, { state: "cancelled", output: null }));
    given.clock.move(10 * 86_400_000);
    expect(await given.claim()).toEqual([]);
    expect(await given.store.claims.nextDueAt([QUEUE])).toBeNull();
    expect((await given.store.tasks.cancel([TASK]))[0]).toMatchObject({ ok: true, changed: false });
  });
}
