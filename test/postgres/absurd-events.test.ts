// Events: first emit wins, no order of emit and await loses a wake-up, a timeout is told from a null payload; and what cleanup removes.
import { expect, it } from "vitest";
import { onEachServer } from "./absurd-given.ts";

onEachServer("events", (given) => {
  it("an awaited event wakes the run with its payload and leaves a checkpoint", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const run = await q.running();
    expect(await q.awaitEvent(run, "go", 60, "step")).toEqual({ should_suspend: true, payload: null });
    expect(await q.run(run)).toMatchObject({
      state: "sleeping",
      wake_event: "go",
      claim_expires_at: null,
      available_at: new Date("2030-01-01T12:01:00Z"),
    });
    expect(await q.waits()).toMatchObject([{ step_name: "step", event_name: "go", task_id: run["task_id"] }]);
    const sentinel = await given.main.row(`select payload is null as empty, emitted_at from ${q.table("e")}`);
    expect(sentinel).toEqual({ empty: true, emitted_at: new Date(0) });
    await q.emit("go", { n: 1 });
    expect(await q.run(run)).toMatchObject({ state: "pending", wake_event: null, event_payload: { n: 1 } });
    expect((await q.task(run))["state"]).toBe("pending");
    expect(await q.waits()).toEqual([]);
    const woken = await q.claimOne();
    expect(woken).toMatchObject({ run_id: run["run_id"], attempt: 1, wake_event: null, event_payload: { n: 1 } });
    expect(await q.checkpoints(woken)).toEqual({ step: { n: 1 } });
    expect(await q.awaitEvent(woken, "go", 60, "step")).toEqual({ should_suspend: false, payload: { n: 1 } });
  });

  it("an emit before the await is kept, and the first emit wins for ever", async () => {
    const q = await given.queue();
    await q.emit("go", 1);
    await q.emit("go", 2);
    const run = await q.running();
    expect(await q.awaitEvent(run, "go")).toEqual({ should_suspend: false, payload: 1 });
    expect(await q.checkpoints(run)).toEqual({ go: 1 });
    expect((await q.run(run))["state"]).toBe("running");
  });

  it("a wait without timeout sleeps for ever", async () => {
    const q = await given.queue();
    const run = await q.running();
    await q.awaitEvent(run, "go");
    expect((await q.run(run))["available_at"]).toBe(Infinity);
    await q.at("23:59");
    expect(await q.claim()).toEqual([]);
  });

  it("a timeout is a claim with wake_event set, said once by await_event", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const run = await q.running();
    await q.awaitEvent(run, "go", 5);
    await q.at("12:00:05");
    const late = await q.claimOne();
    expect(late).toMatchObject({ run_id: run["run_id"], wake_event: "go", event_payload: null });
    expect(await q.waits()).toEqual([]);
    expect(await q.awaitEvent(late, "go", 5)).toEqual({ should_suspend: false, payload: null });
    expect((await q.run(run))["state"]).toBe("running");
    expect(await q.checkpoints(run)).toEqual({});
    expect(await q.awaitEvent(late, "go", 5)).toEqual({ should_suspend: true, payload: null });
  });

  it("a durable sleep forgets a timeout", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const run = await q.running();
    await q.awaitEvent(run, "go", 5);
    await q.at("12:00:05");
    await q.sleep(await q.claimOne(), "2030-01-01 12:00:06+00");
    await q.at("12:00:06");
    expect(await q.awaitEvent(await q.claimOne(), "go", 5)).toMatchObject({ should_suspend: true });
  });

  it("a null payload is an event, not a timeout", async () => {
    const q = await given.queue();
    const run = await q.running();
    await q.awaitEvent(run, "go", 60);
    await given.main.row("select absurd.emit_event($1, 'go')", q.name);
    const woken = await q.claimOne();
    expect(woken["wake_event"]).toBeNull();
    expect(await given.main.rows(`select checkpoint_name, state::text from ${q.table("c")}`)).toEqual([
      { checkpoint_name: "go", state: "null" },
    ]);
  });

  it("an emit wakes every run that waits for it and no other", async () => {
    const q = await given.queue();
    const [one, two, three] = [await q.running(), await q.running(), await q.running()];
    await q.awaitEvent(one, "a");
    await q.awaitEvent(two, "a");
    await q.awaitEvent(three, "b");
    await q.emit("a", 1);
    const woken = (await q.claim(5)).map((run) => run["run_id"]);
    expect(new Set(woken)).toEqual(new Set([one["run_id"], two["run_id"]]));
    expect((await q.run(three))["state"]).toBe("sleeping");
  });

  it("completing, failing and cancelling remove the waits of a run", async () => {
    const q = await given.queue();
    for (const end of ["fail", "cancel"] as const) {
      const run = await q.running({ max_attempts: 1 });
      await q.awaitEvent(run, "go");
      await q[end](run);
      expect(await q.waits()).toEqual([]);
    }
    await q.emit("go", 1);
    expect(await q.claim()).toEqual([]);
  });

  it("await checks the run, its task and its arguments", async () => {
    const q = await given.queue();
    const [one, two] = [await q.running(), await q.running()];
    await expect(q.awaitEvent({ ...one, run_id: two["run_id"] }, "go")).rejects.toThrow("does not belong");
    await expect(q.awaitEvent({ ...one, run_id: one["task_id"] }, "go")).rejects.toThrow("not found");
    await expect(q.awaitEvent(one, "")).rejects.toThrow("must not be empty");
    await expect(q.emit("")).rejects.toThrow("must not be empty");
    await q.complete(one);
    await expect(q.awaitEvent(one, "go")).rejects.toThrow("not currently running");
  });

  it("after a cleanup of events a wait is still woken, and a name counts anew", async () => {
    const q = await given.queue();
    const cleanup = "select absurd.cleanup_events($1, 3600) as n";
    const run = await q.running();
    await q.awaitEvent(run, "go");
    expect(await given.main.row(cleanup, q.name)).toEqual({ n: 1 });
    await q.emit("go", 1);
    expect((await q.claimOne())["event_payload"]).toBe(1);
    expect(await given.main.row(cleanup, q.name)).toEqual({ n: 0 });
    await given.main.rows("select absurd.cleanup_events($1, 0)", q.name);
    await q.emit("go", 2);
    expect(await given.main.rows(`select payload from ${q.table("e")}`)).toEqual([{ payload: 2 }]);
  });

  it("cleanup takes finished tasks of a certain age with all that is theirs, in batches", async () => {
    const q = await given.queue();
    await q.at("12:00");
    for (const end of ["complete", "fail", "cancel"] as const) {
      const run = await q.running({ max_attempts: 1 });
      await q.checkpoint(run, "a", 1);
      await q[end](run);
    }
    const live = await q.running();
    await q.checkpoint(live, "a", 1);
    const cleanup = "select absurd.cleanup_tasks($1, 3600, $2) as n";
    await q.at("13:00");
    expect(await given.main.row(cleanup, q.name, 10)).toEqual({ n: 0 });
    await q.at("13:00:01");
    expect(await given.main.row(cleanup, q.name, 2)).toEqual({ n: 2 });
    expect(await given.main.row(cleanup, q.name, 2)).toEqual({ n: 1 });
    for (const prefix of ["t", "r", "c"] as const) {
      expect(await given.main.rows(`select task_id from ${q.table(prefix)}`)).toEqual([{ task_id: live["task_id"] }]);
    }
    await expect(given.main.row(cleanup, q.name, 0)).rejects.toThrow("limit");
  });

  it("cleanup of all queues goes by each queue's policy", async () => {
    const q = await given.queue();
    await q.complete(await q.running());
    await q.emit("go");
    const text = "select * from absurd.cleanup_all_queues($1)";
    expect(await given.main.rows(text, q.name)).toEqual([{ queue_name: q.name, tasks_deleted: 0, events_deleted: 0 }]);
    await given.main.rows(`select absurd.set_queue_policy($1, '{"cleanup_ttl":"0 seconds"}')`, q.name);
    expect(await given.main.rows(text, q.name)).toEqual([{ queue_name: q.name, tasks_deleted: 1, events_deleted: 1 }]);
    expect((await given.main.rows("select * from absurd.cleanup_all_queues()")).length).toBeGreaterThan(1);
  });
});
