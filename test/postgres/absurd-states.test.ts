// The state machine of tasks and runs: each transition, what it leaves in the rows, and the edges other programs have come to rely on.
import { expect, it } from "vitest";
import { onEachServer } from "./absurd-given.ts";

const NOBODY = { task_id: "01900000-0000-7000-8000-000000000001", run_id: "01900000-0000-7000-8000-000000000002" };

onEachServer("task states", (given) => {
  it("a spawn makes a pending task with one pending run, due now", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const spawned = await q.spawn({ max_attempts: 3, headers: { trace: "t" } }, { a: 1 });
    expect(spawned).toMatchObject({ attempt: 1, created: true });
    const now = new Date("2030-01-01T12:00:00Z");
    expect(await q.task(spawned)).toMatchObject({
      state: "pending",
      attempts: 1,
      max_attempts: 3,
      params: { a: 1 },
      headers: { trace: "t" },
      last_attempt_run: spawned["run_id"],
      enqueue_at: now,
    });
    expect(await q.run(spawned)).toMatchObject({ state: "pending", attempt: 1, available_at: now, claimed_by: null });
  });

  it("missing parameters are stored as JSON null, and without max_attempts a task is retried without end", async () => {
    const q = await given.queue();
    await given.main.row("select * from absurd.spawn_task($1, 'job', null)", q.name);
    const run = await q.claimOne();
    expect(run).toMatchObject({ params: null, max_attempts: null });
    expect((await given.main.row(`select params::text from ${q.table("t")}`))["params"]).toBe("null");
  });

  it("a claim sets worker, lease and start, and keeps the first start for ever", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const run = await q.running();
    await q.at("12:01");
    await q.sleep(run, "2030-01-01 12:05+00");
    await q.at("12:05");
    const again = await q.claimOne(60);
    expect(again["run_id"]).toBe(run["run_id"]);
    expect(await q.run(run)).toMatchObject({
      state: "running",
      claimed_by: "w",
      attempt: 1,
      started_at: new Date("2030-01-01T12:05:00Z"),
      available_at: new Date("2030-01-01T12:05:00Z"),
      claim_expires_at: new Date("2030-01-01T12:06:00Z"),
    });
    expect((await q.task(run))["first_started_at"]).toEqual(new Date("2030-01-01T12:00:00Z"));
  });

  it("a sleep clears the claim and is not claimed before its time", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const run = await q.running();
    await q.sleep(run, "2030-01-01 12:00:10+00");
    expect(await q.run(run)).toMatchObject({ state: "sleeping", claimed_by: null, claim_expires_at: null });
    expect((await q.task(run))["state"]).toBe("sleeping");
    await q.at("12:00:09.999");
    expect(await q.claim()).toEqual([]);
    await q.at("12:00:10");
    expect(await q.claimOne()).toMatchObject({ run_id: run["run_id"], attempt: 1 });
  });

  it("a completed run gives its result to the task", async () => {
    const q = await given.queue();
    const run = await q.running();
    await q.complete(run, { ok: 1 });
    expect(await q.run(run)).toMatchObject({ state: "completed", result: { ok: 1 } });
    expect(await q.result(run)).toEqual({
      task_id: run["task_id"],
      state: "completed",
      result: { ok: 1 },
      failure_reason: null,
    });
    expect(await q.result(NOBODY)).toEqual({});
  });

  it("a failure with attempts left makes a new run, with none left it ends the task", async () => {
    const q = await given.queue();
    const first = await q.running({ max_attempts: 2 });
    await q.fail(first);
    expect(await q.run(first)).toMatchObject({ state: "failed", failure_reason: { name: "Error" } });
    expect(await q.task(first)).toMatchObject({ state: "pending", attempts: 2 });
    expect((await q.result(first))["failure_reason"]).toBeNull();
    const second = await q.claimOne();
    expect(second).toMatchObject({ task_id: first["task_id"], attempt: 2 });
    await q.fail(second);
    expect(await q.result(first)).toMatchObject({ state: "failed", failure_reason: { name: "Error" } });
    expect(await q.claim()).toEqual([]);
  });

  it.each([
    [{ kind: "none" }, [0, 0, 0]],
    [{ kind: "fixed" }, [60, 60, 60]],
    [{ kind: "fixed", base_seconds: 5 }, [5, 5, 5]],
    [{ kind: "exponential" }, [30, 60, 120]],
    [{ kind: "exponential", base_seconds: 1, factor: 10, max_seconds: 50 }, [1, 10, 50]],
  ])("the strategy %j waits %j seconds", async (strategy, delays) => {
    const q = await given.queue();
    await q.at("12:00");
    const run = await q.running({ retry_strategy: strategy });
    for (const [index, delay] of delays.entries()) {
      const text = "select absurd.retry_delay_seconds($1, $2) as seconds";
      expect(await given.main.row(text, JSON.stringify(strategy), index + 1)).toEqual({ seconds: delay });
    }
    await q.fail(run);
    const { last_attempt_run: next, state } = await q.task(run);
    const due = new Date(Date.parse("2030-01-01T12:00:00Z") + delays[0]! * 1000);
    expect(await q.run({ run_id: next })).toMatchObject({ available_at: due, state });
    expect(state).toBe(delays[0] === 0 ? "pending" : "sleeping");
  });

  it("an explicit retry time overrides the strategy", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const run = await q.running({ retry_strategy: { kind: "fixed", base_seconds: 5 } });
    await q.fail(run, "2030-01-01 13:00+00");
    await q.at("12:59:59");
    expect(await q.claim()).toEqual([]);
    await q.at("13:00");
    expect(await q.claimOne()).toMatchObject({ attempt: 2 });
  });

  it.each([
    { kind: "often" },
    { kind: "fixed", base_seconds: 86_401 },
    { kind: "fixed", base_seconds: -1 },
    { kind: "exponential", base_seconds: "1" },
    { kind: "exponential", max_seconds: 90_000 },
    7,
  ])("the strategy %j is refused at spawn", async (strategy) => {
    const q = await given.queue();
    await expect(q.spawn({ retry_strategy: strategy })).rejects.toMatchObject({ code: "AB003" });
  });

  it("a bad strategy that is stored already fails the task for good, and a huge back-off stops at a day", async () => {
    const q = await given.queue();
    const run = await q.running();
    await given.main.rows(`update ${q.table("t")} set retry_strategy = '{"kind":"often"}'`);
    await q.fail(run);
    expect((await q.result(run))["state"]).toBe("failed");
    const strategy = '{"kind":"exponential","base_seconds":86400,"factor":1e9}';
    const delay = await given.main.row("select absurd.retry_delay_seconds($1, 2000000000) as seconds", strategy);
    expect(delay).toEqual({ seconds: 86_400 });
  });

  it("a run whose lease has passed is failed by the next claim, and its retry is due", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const lost = await q.running({}, 10);
    await q.at("12:00:09.999");
    expect(await q.claim()).toEqual([]);
    await q.at("12:00:10");
    const [next] = await q.claim();
    expect(next).toMatchObject({ task_id: lost["task_id"], attempt: 2 });
    expect(await q.run(lost)).toMatchObject({
      state: "failed",
      failure_reason: { name: "$ClaimTimeout", workerId: "w", attempt: 1 },
    });
    await expect(q.complete(lost)).rejects.toMatchObject({ code: "AB002" });
    await expect(q.checkpoint(lost, "late", 1)).rejects.toMatchObject({ code: "AB002" });
    await expect(q.fail(lost)).rejects.toMatchObject({ code: "AB002" });
    await expect(q.extend(lost, 5)).rejects.toMatchObject({ code: "AB002" });
  });

  it("a claim sweeps at most as many leases as it may claim, oldest first", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const old = await q.running({ max_attempts: 1 }, 5);
    const young = await q.running({ max_attempts: 1 }, 6);
    await q.at("13:00");
    await q.claim(1);
    expect([(await q.run(old))["state"], (await q.run(young))["state"]]).toEqual(["failed", "running"]);
  });

  it("completing after the lease passed is accepted while nobody has swept", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const run = await q.running({}, 1);
    await q.at("13:00");
    await q.complete(run);
    expect((await q.result(run))["state"]).toBe("completed");
  });

  it("a claim with timeout 0 has no lease: it never expires and cannot be extended", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const run = await q.running({}, 0);
    await q.at("23:00");
    expect(await q.claim()).toEqual([]);
    await expect(q.extend(run, 5)).rejects.toMatchObject({ code: "P0001" });
    await q.checkpoint(run, "a", 1, 5);
    expect((await q.run(run))["claim_expires_at"]).toBeNull();
  });

  it("a lease is extended from now, not added to", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const run = await q.running({}, 600);
    await q.extend(run, 60);
    expect((await q.run(run))["claim_expires_at"]).toEqual(new Date("2030-01-01T12:01:00Z"));
    await q.checkpoint(run, "a", 1, 90);
    expect((await q.run(run))["claim_expires_at"]).toEqual(new Date("2030-01-01T12:01:30Z"));
    await q.checkpoint(run, "b", 1);
    expect((await q.run(run))["claim_expires_at"]).toEqual(new Date("2030-01-01T12:01:30Z"));
    await expect(q.extend(run, 0)).rejects.toThrow("extend_by must be > 0");
  });

  it("cancel ends a live task and tells its worker at the next write", async () => {
    const q = await given.queue();
    const run = await q.running();
    await q.cancel(run);
    expect(await q.run(run)).toMatchObject({ state: "cancelled", claim_expires_at: null });
    expect((await q.task(run))["cancelled_at"]).toBeInstanceOf(Date);
    const writes = [() => q.complete(run), () => q.fail(run), () => q.extend(run, 5), () => q.checkpoint(run, "a", 1)];
    for (const write of writes) await expect(write()).rejects.toMatchObject({ code: "AB001" });
    await expect(q.awaitEvent(run, "e")).rejects.toMatchObject({ code: "AB001" });
    await expect(q.complete(run)).rejects.toThrow("has been cancelled");
    await expect(q.sleep(run, "2031-01-01")).rejects.toMatchObject({ code: "P0001" });
    await expect(q.retry(run)).rejects.toMatchObject({ code: "P0001" });
    await q.cancel(run);
  });

  it("cancel leaves what is finished and refuses what does not exist", async () => {
    const q = await given.queue();
    const run = await q.running();
    await q.complete(run);
    await q.cancel(run);
    expect((await q.result(run))["state"]).toBe("completed");
    await expect(q.cancel(NOBODY)).rejects.toThrow("not found");
    const waiting = await q.spawn();
    await q.cancel(waiting);
    expect(await q.claim()).toEqual([]);
  });

  it("max_delay cancels what was never started, max_duration what started long ago", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const started = await q.running({ cancellation: { max_delay: 5, max_duration: 60 } }, 0);
    const waiting = await q.spawn({ cancellation: { max_delay: 10 } });
    const patient = await q.spawn({ cancellation: { max_duration: 1 } });
    await q.at("12:00:10");
    expect((await q.claimOne())["task_id"]).toBe(patient["task_id"]);
    expect((await q.result(waiting))["state"]).toBe("cancelled");
    expect((await q.result(started))["state"]).toBe("running");
    await q.at("12:01");
    expect(await q.claim()).toEqual([]);
    await expect(q.complete(started)).rejects.toMatchObject({ code: "AB001" });
  });

  it("a retry that would start beyond max_duration cancels the task", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const run = await q.running({
      cancellation: { max_duration: 60 },
      retry_strategy: { kind: "fixed", base_seconds: 90 },
    });
    await q.fail(run);
    expect((await q.run(run))["state"]).toBe("failed");
    expect(await q.task(run)).toMatchObject({ state: "cancelled", attempts: 1 });
  });

  it("an idempotency key answers with the first task, also when that is over, until cleanup frees it", async () => {
    const q = await given.queue();
    const first = await q.running({ idempotency_key: "k" });
    await q.complete(first);
    const again = await q.spawn({ idempotency_key: "k" });
    expect(again).toEqual({ task_id: first["task_id"], run_id: first["run_id"], attempt: 1, created: false });
    expect(await given.main.row("select absurd.cleanup_tasks($1, 0) as n", q.name)).toEqual({ n: 1 });
    expect((await q.spawn({ idempotency_key: "k" }))["created"]).toBe(true);
  });

  it("retry in place keeps checkpoints and raises the limit", async () => {
    const q = await given.queue();
    const run = await q.running({ max_attempts: 1 });
    await q.checkpoint(run, "a", 1);
    await expect(q.retry(run)).rejects.toMatchObject({ code: "P0001" });
    await q.fail(run);
    await expect(q.retry(run, { max_attempts: 1 })).rejects.toMatchObject({ code: "P0001" });
    const retried = await q.retry(run);
    expect(retried).toMatchObject({ task_id: run["task_id"], attempt: 2, created: false });
    expect(await q.task(run)).toMatchObject({ state: "pending", max_attempts: 2 });
    expect(await q.checkpoints(await q.claimOne())).toEqual({ a: 1 });
    await expect(q.retry(NOBODY)).rejects.toThrow("not found");
  });

  it("retry as a new task takes the inputs, not the checkpoints and not the key", async () => {
    const q = await given.queue();
    const run = await q.running({ max_attempts: 1, idempotency_key: "k", headers: { h: 1 } });
    await q.checkpoint(run, "a", 1);
    await q.fail(run);
    const fresh = await q.retry(run, { spawn_new: true });
    expect(fresh).toMatchObject({ attempt: 1, created: true });
    expect(await q.task(fresh)).toMatchObject({ headers: { h: 1 }, max_attempts: 1, idempotency_key: null });
    expect(await q.checkpoints(await q.claimOne())).toEqual({});
    expect((await q.result(run))["state"]).toBe("failed");
  });

  it("due runs are claimed in the order of their times, sleeping and pending mixed", async () => {
    const q = await given.queue();
    await q.at("12:00");
    const early = await q.running();
    await q.sleep(early, "2030-01-01 12:00:02+00");
    await q.at("12:00:01");
    const one = await q.spawn();
    await q.at("12:00:03");
    const three = await q.spawn();
    await q.at("12:00:04");
    const order = [one, early, three].map((task) => task["task_id"]);
    expect((await q.claim(1)).map((run) => run["task_id"])).toEqual(order.slice(0, 1));
    expect((await q.claim(5)).map((run) => run["task_id"])).toEqual(order.slice(1));
  });

  it("a write by an earlier attempt never replaces a later one's, and is hidden from no one later", async () => {
    const q = await given.queue();
    const first = await q.running();
    await q.checkpoint(first, "a", "first");
    await q.fail(first);
    const second = await q.claimOne();
    await q.checkpoint(second, "a", "second");
    await q.checkpoint(second, "b", "second");
    expect(await q.checkpoints(second)).toEqual({ a: "second", b: "second" });
    expect(await q.checkpoints(first)).toEqual({});
    await given.main.rows(`update ${q.table("r")} set state = 'running' where run_id = $1`, first["run_id"]);
    await q.checkpoint(first, "a", "stale");
    expect(await q.checkpoints(second)).toEqual({ a: "second", b: "second" });
  });

  it("checkpoints belong to a task, and a run of another may not read them", async () => {
    const q = await given.queue();
    const one = await q.running();
    const two = await q.running();
    const text = "select * from absurd.get_task_checkpoint_states($1, $2, $3)";
    await expect(given.main.row(text, q.name, one["task_id"], two["run_id"])).rejects.toThrow("does not belong");
    await expect(given.main.row(text, q.name, one["task_id"], NOBODY.run_id)).rejects.toThrow("not found");
    await q.checkpoint({ task_id: one["task_id"], run_id: two["run_id"] }, "theirs", 2);
    const read = "select * from absurd.get_task_checkpoint_state($1, $2, 'theirs')";
    const found = await given.main.row(read, q.name, one["task_id"]);
    expect(found).toMatchObject({ state: 2, status: "committed", owner_run_id: two["run_id"] });
    await expect(q.checkpoint(NOBODY, "a", 1)).rejects.toThrow("not found");
  });

  it("a run that sleeps may still write a checkpoint, and a run that is not running is refused", async () => {
    const q = await given.queue();
    const run = await q.running();
    await q.sleep(run, "2031-01-01");
    await q.checkpoint(run, "a", 1, 30);
    expect((await q.run(run))["claim_expires_at"]).toBeNull();
    for (const write of [() => q.complete(run), () => q.sleep(run, "2031-01-01"), () => q.extend(run, 1)]) {
      await expect(write()).rejects.toThrow("not currently running");
    }
    await q.fail(run);
    expect((await q.task(run))["attempts"]).toBe(2);
    for (const write of [() => q.complete(NOBODY), () => q.fail(NOBODY), () => q.sleep(NOBODY, "2031-01-01")]) {
      await expect(write()).rejects.toThrow("not found");
    }
  });

  it("bad options are refused before anything is written", async () => {
    const q = await given.queue();
    await expect(q.spawn({ max_attempts: 0 })).rejects.toThrow("max_attempts");
    await expect(q.spawn({ cancellation: { max_delay: "1" } })).rejects.toThrow("max_delay");
    await expect(given.main.row("select * from absurd.spawn_task($1, '', '{}')", q.name)).rejects.toThrow("task name");
    expect(await given.main.rows(`select * from ${q.table("t")}`)).toEqual([]);
  });
});
