// Sleeps, events and awaited tasks: no lost or double wake-up, each wait ends once and tagged, a sleep is never early (invariants 14 to 16).
import { expect } from "vitest";
import type { TaskId } from "../../src/core/ids.ts";
import type { Case } from "./case.ts";
import { json, LEASE_MS, onEvent, onTask, onTime, QUEUE, raw } from "./given.ts";

export function waitsContract(test: Case): void {
  test("a sleep ends with its wake time, never early", async (given) => {
    const run = await given.running();
    const wakeAt = given.clock.now() + 1_001;
    expect(await given.suspend(run, onTime(1_000.2, "nap"))).toEqual({ ok: true, suspended: true, wakeAt });
    const wait = { step: "nap", kind: "sleep", target: null, deadlineAt: wakeAt, createdAt: given.clock.now() };
    expect(await given.store.reads.waits(run.taskId)).toEqual([wait]);
    expect((await given.found(run.runId)).run).toMatchObject({ state: "sleeping", availableAt: wakeAt });
    given.clock.move(1_000);
    expect(await given.claim()).toEqual([]);
    given.clock.move(1);
    const woken = await given.claimOne();
    const value = JSON.stringify(new Date(wakeAt).toISOString());
    expect(woken).toMatchObject({ runId: run.runId, attempt: 1, recorded: [{ name: "nap", kind: "sleep", value }] });
    expect(await given.store.reads.waits(run.taskId)).toEqual([]);
  });

  test("a sleep until a time that has passed is over at once and keeps the claim", async (given) => {
    const run = await given.running();
    const untilMs = given.clock.now() - 60_000;
    const value = JSON.stringify(new Date(untilMs).toISOString());
    const answer = await given.suspend(run, { step: "nap", kind: "sleep", target: null, delayMs: null, untilMs });
    expect(answer).toEqual({ ok: true, suspended: false, resolved: [{ name: "nap", kind: "sleep", value }] });
    expect((await given.complete(run)).ok).toBe(true);
  });

  test("an event wakes every run that waits for it, with its payload", async (given) => {
    const one = await given.running();
    const two = await given.running({ queue: "other" });
    await given.asleep(one, onEvent("go"));
    await given.asleep(two, onEvent("go", 60_000, "answer"));
    given.clock.move(50);
    const { first, woken } = await given.emit("go", raw('{"n":1e400}'));
    expect(first).toBe(true);
    expect(woken).toEqual([
      { runId: one.runId, taskId: one.taskId, queue: QUEUE },
      { runId: two.runId, taskId: two.taskId, queue: "other" },
    ]);
    const claimed = await given.claimOne();
    expect(claimed).toMatchObject({ runId: one.runId, dueAt: given.clock.now() });
    expect(claimed.recorded).toEqual([{ name: "event:go", kind: "event", value: '{"n":1e400}' }]);
    const other = await given.claimOne({ queue: "other" });
    expect(other.recorded).toEqual([{ name: "answer", kind: "event", value: '{"n":1e400}' }]);
  });

  test("an event that came before the wait ends it at once", async (given) => {
    await given.emit("early", json(7));
    const run = await given.running();
    const resolved = [{ name: "event:early", kind: "event", value: "7" }];
    expect(await given.suspend(run, onEvent("early"))).toEqual({ ok: true, suspended: false, resolved });
    expect(await given.stateOf(run.runId)).toBe("running");
  });

  test("the first emit of a name wins for ever", async (given) => {
    expect((await given.emit("once", json(1))).first).toBe(true);
    expect(await given.emit("once", json(2))).toEqual({ first: false, woken: [] });
    expect(await given.store.events.get("once")).toEqual({
      name: "once",
      payload: "1",
      emittedAt: given.clock.now(),
    });
    expect(await given.store.events.get("never")).toBeNull();
  });

  test("an emit and a suspend of one batch meet in either order", async (given) => {
    const one = await given.running();
    const [slept, emitted] = await Promise.all([given.suspend(one, onEvent("a")), given.emit("a")]);
    expect(slept).toMatchObject({ suspended: true });
    expect(emitted.woken).toHaveLength(1);
    const two = await given.running();
    expect(two.runId).toBe(one.runId);
    const [, late] = await Promise.all([given.emit("b"), given.suspend(two, onEvent("b"))]);
    expect(late).toMatchObject({ suspended: false });
  });

  test("a deadline ends a wait as a timeout, which a null payload is not", async (given) => {
    const run = await given.running();
    await given.asleep(run, onEvent("late", 1_000));
    given.clock.move(1_000);
    const timedOut = await given.claimOne();
    expect(timedOut.recorded).toEqual([{ name: "event:late", kind: "timeout", value: "null" }]);
    await given.asleep(timedOut, onEvent("null", 1_000));
    await given.emit("null", raw("null"));
    expect((await given.claimOne()).recorded[1]).toEqual({ name: "event:null", kind: "event", value: "null" });
  });

  test("an event after the timeout changes nothing", async (given) => {
    const run = await given.running();
    await given.asleep(run, onEvent("late", 1_000));
    given.clock.move(1_000);
    const claimed = await given.claimOne();
    expect((await given.emit("late")).woken).toEqual([]);
    const answer = await given.suspend(claimed, onEvent("late"));
    const resolved = [{ name: "event:late", kind: "timeout", value: "null" }];
    expect(answer).toEqual({ ok: true, suspended: false, resolved });
  });

  test("the first deadline of a wait stands through wake-ups and attempts", async (given) => {
    const run = await given.running();
    const deadline = given.clock.now() + 10_000;
    const waits = [onEvent("slow", 10_000), onEvent("quick")];
    expect((await given.asleep(run, ...waits)).wakeAt).toBe(deadline);
    given.clock.move(4_000);
    await given.emit("quick");
    const woken = await given.claimOne();
    expect((await given.asleep(woken, onEvent("slow", 10_000))).wakeAt).toBe(deadline);
    given.clock.move(6_000);
    const claimed = await given.claimOne();
    expect(claimed.recorded.map(({ name, kind }) => [name, kind])).toEqual([
      ["event:quick", "event"],
      ["event:slow", "timeout"],
    ]);
  });

  test("a wait that goes on keeps its first deadline when another wait of the call is over", async (given) => {
    await given.emit("now");
    const run = await given.running();
    const deadline = given.clock.now() + 5_000;
    expect(await given.suspend(run, onTime(5_000), onEvent("now"))).toMatchObject({ suspended: false });
    given.clock.move(2_000);
    expect((await given.asleep(run, onTime(5_000))).wakeAt).toBe(deadline);
  });

  test("a run sleeps until the earliest of its deadlines, or for ever", async (given) => {
    const run = await given.running();
    const now = given.clock.now();
    expect((await given.asleep(run, onEvent("x", 900), onTime(300), onEvent("y"))).wakeAt).toBe(now + 300);
    const other = await given.running();
    expect((await given.asleep(other, onEvent("x"))).wakeAt).toBeNull();
    given.clock.move(10 ** 12);
    expect((await given.claim()).map(({ runId }) => runId)).toEqual([run.runId]);
  });

  test("one event that ends two waits of a run wakes it once", async (given) => {
    const run = await given.running();
    await given.asleep(run, onEvent("both", null, "one"), onEvent("both", null, "two"));
    expect((await given.emit("both")).woken).toHaveLength(1);
    const claimed = await given.claim();
    expect(claimed).toHaveLength(1);
    expect(claimed[0]!.recorded.map(({ name }) => name)).toEqual(["one", "two"]);
  });

  test("an event that meets a run awake is recorded and found when it asks", async (given) => {
    const run = await given.running();
    await given.asleep(run, onTime(10), onEvent("later"));
    given.clock.move(10);
    const awake = await given.claimOne();
    expect((await given.emit("later", json(1))).woken).toEqual([]);
    expect(await given.stateOf(awake.runId)).toBe("running");
    const resolved = [{ name: "event:later", kind: "event", value: "1" }];
    expect(await given.suspend(awake, onEvent("later"))).toEqual({ ok: true, suspended: false, resolved });
  });

  test("a deadline a millisecond away is not over for a run that wakes for something else", async (given) => {
    const run = await given.running();
    await given.asleep(run, onTime(100), onEvent("go"));
    given.clock.move(99);
    await given.emit("go");
    expect((await given.claimOne()).recorded.map(({ name }) => name)).toEqual(["event:go"]);
    expect(await given.store.reads.waits(run.taskId)).toMatchObject([{ step: "sleep" }]);
  });

  test("an event does not cut the pause between two attempts short", async (given) => {
    const run = await given.running();
    await given.asleep(run, onTime(10), onEvent("hello"));
    given.clock.move(10);
    await given.fail(await given.claimOne(), 5_000);
    expect((await given.emit("hello")).woken).toEqual([]);
    expect(await given.claim()).toEqual([]);
    given.clock.move(5_000);
    const second = await given.claimOne();
    expect(second.attempt).toBe(2);
    expect(second.recorded.map(({ name }) => name)).toEqual(["sleep", "event:hello"]);
  });

  test("waits end with their task", async (given) => {
    const run = await given.running();
    await given.asleep(run, onTime(10), onEvent("unused"));
    given.clock.move(10);
    await given.complete(await given.claimOne());
    expect(await given.store.reads.waits(run.taskId)).toEqual([]);
    expect((await given.emit("unused")).woken).toEqual([]);
    expect(await given.stateOf(run.taskId)).toBe("completed");
  });

  test("sleeping on nothing is a mistake, and its call alone fails", async (given) => {
    const run = await given.running();
    const [refused, done] = await Promise.allSettled([given.suspend(run), given.step(run, "a")]);
    expect(refused).toMatchObject({ status: "rejected", reason: { code: "bad_request" } });
    expect(done).toMatchObject({ status: "fulfilled", value: { ok: true } });
  });

  awaitedTasks(test);
}

function awaitedTasks(test: Case): void {
  const outcomes = {
    completed: '"status":"completed","output":{"big":12345678901234567890},"failure":null',
    failed: '"status":"failed","output":null,"failure":{"name":"ValueError","message":"broken"}',
    cancelled: '"status":"cancelled","output":null,"failure":null',
  };
  for (const [status, tail] of Object.entries(outcomes)) {
    test(`a run that awaits a task wakes when it is ${status}, with its outcome`, async (given) => {
      const awaited = await given.running({ workflowName: 'say "hi"', maxAttempts: 1 });
      const parent = await given.running();
      await given.asleep(parent, onTask(awaited.taskId));
      if (status === "completed") await given.complete(awaited, raw('{"big":12345678901234567890}'));
      if (status === "failed") await given.fail(awaited, 0);
      if (status === "cancelled") await given.cancel(awaited.taskId);
      const ids = `"task_id":"${awaited.taskId}","run_id":"${awaited.runId}","workflow_name":"say \\"hi\\""`;
      const woken = await given.claimOne();
      expect(woken.runId).toBe(parent.runId);
      const result = { name: `task:${awaited.taskId}`, kind: "task", value: `{${ids},${tail}}` };
      expect(woken.recorded).toEqual([result]);
      const late = await given.running();
      const again = await given.suspend(late, onTask(awaited.taskId));
      expect(again).toEqual({ ok: true, suspended: false, resolved: [result] });
    });
  }

  test("a failed attempt with another one to come does not wake who awaits the task", async (given) => {
    const awaited = await given.running({ maxAttempts: 2 });
    const parent = await given.running();
    await given.asleep(parent, onTask(awaited.taskId));
    await given.fail(awaited, 0);
    const second = await given.claimOne();
    expect(second.taskId).toBe(awaited.taskId);
    given.clock.move(LEASE_MS);
    const failure = { name: "$lease_expired", message: "gone" };
    await given.store.claims.expire({ scope: "lapsed", owner: "x", failure, limit: 1 });
    expect((await given.claimOne()).runId).toBe(parent.runId);
  });

  test("awaiting a task that does not exist is answered at once", async (given) => {
    const taskId = "01890000-0000-7000-8000-000000000000" as TaskId;
    const run = await given.running();
    const answer = await given.suspend(run, onTask(taskId));
    expect(answer).toMatchObject({ ok: true, suspended: false });
    if (!answer.ok || answer.suspended) return;
    expect(JSON.parse(answer.resolved[0]!.value)).toMatchObject({ task_id: taskId, status: "not_found" });
  });

  test("awaiting a task has a deadline too", async (given) => {
    const awaited = await given.running();
    const parent = await given.running();
    await given.asleep(parent, onTask(awaited.taskId, 500));
    given.clock.move(500);
    expect((await given.claimOne()).recorded).toMatchObject([{ kind: "timeout", value: "null" }]);
  });
}
