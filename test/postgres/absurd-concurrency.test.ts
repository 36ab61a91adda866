// Sessions that meet on the same rows: nothing is claimed twice, no wake-up is lost, locks are taken in one order, claims never wait.
import { expect, it } from "vitest";
import { onEachServer, type Queue, type Row, type Session } from "./absurd-given.ts";

onEachServer("concurrent sessions", (given) => {
  async function inTransaction(session: Session, body: () => Promise<unknown>): Promise<void> {
    await session.rows("begin");
    await body();
  }

  it("two claimers share the work and never the same run", async () => {
    const q = await given.queue();
    await given.main.rows(
      "select s.task_id from generate_series(1, 200) i, absurd.spawn_task($1, 'job', to_jsonb(i)) s",
      q.name,
    );
    const sessions = await Promise.all(Array.from({ length: 6 }, () => given.connect()));
    const claims = await Promise.all(
      sessions.flatMap((session) => Array.from({ length: 10 }, () => q.as(session).claim(4, 30, "w"))),
    );
    const ids = claims.flat().map((run) => run["run_id"]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length + (await q.claim(200)).length).toBe(200);
  });

  it("a claim passes over runs that an open transaction holds, whichever state they are in", async () => {
    const q = await given.queue();
    const other = await given.connect();
    const sleeper = await q.running();
    await q.sleep(sleeper, "2020-01-01");
    const pending = await q.spawn();
    await inTransaction(other, () => q.as(other).claim(1));
    expect((await q.claim(5)).map((run) => run["task_id"])).toEqual([pending["task_id"]]);
    await other.rows("rollback");
    expect((await q.claim(5)).map((run) => run["task_id"])).toEqual([sleeper["task_id"]]);
    const two = [await q.spawn(), await q.spawn()];
    await q.sleep(sleeper, "2031-01-01");
    await inTransaction(other, () => q.as(other).claim(1));
    await given.main.rows(`update ${q.table("r")} set available_at = now() where run_id = $1`, sleeper["run_id"]);
    const rest = (await q.claim(5)).map((run) => run["task_id"]);
    expect(new Set(rest)).toEqual(new Set([sleeper["task_id"], two[1]!["task_id"]]));
    await other.rows("commit");
  });

  it("a claim leaves a run whose task is held, and finds it afterwards", async () => {
    const q = await given.queue();
    const other = await given.connect();
    const task = await q.spawn();
    const lock = `select 1 from ${q.table("t")} where task_id = $1 for update`;
    await inTransaction(other, () => other.rows(lock, task["task_id"]));
    expect(await q.claim()).toEqual([]);
    await other.rows("rollback");
    expect(await q.claim()).toHaveLength(1);
  });

  it("an emit waits for a transaction that registers a wait, and wakes it", async () => {
    const q = await given.queue();
    const [waiter, emitter] = [await given.connect(), await given.connect()];
    const run = await q.running();
    await inTransaction(waiter, () => q.as(waiter).awaitEvent(run, "go"));
    const emitted = q.as(emitter).emit("go", 1);
    await emitter.isBlocked(given.main);
    await waiter.rows("commit");
    await emitted;
    expect(await q.claim()).toMatchObject([{ run_id: run["run_id"], event_payload: 1 }]);
  });

  it("an await waits for a transaction that emits, and finds the event", async () => {
    const q = await given.queue();
    const [waiter, emitter] = [await given.connect(), await given.connect()];
    const run = await q.running();
    await inTransaction(emitter, () => q.as(emitter).emit("go", 1));
    const awaited = q.as(waiter).awaitEvent(run, "go");
    await waiter.isBlocked(given.main);
    await emitter.rows("commit");
    expect(await awaited).toEqual({ should_suspend: false, payload: 1 });
  });

  it("an emit that is rolled back wakes nobody and leaves the name free", async () => {
    const q = await given.queue();
    const emitter = await given.connect();
    const run = await q.running();
    await q.awaitEvent(run, "go");
    await inTransaction(emitter, () => q.as(emitter).emit("go", 1));
    expect(await q.claim()).toEqual([]);
    await emitter.rows("rollback");
    await q.emit("go", 2);
    expect(await q.claim()).toMatchObject([{ event_payload: 2 }]);
  });

  it("emits and awaits in a crowd lose no wake-up", async () => {
    const q = await given.queue();
    const sessions = await Promise.all(Array.from({ length: 8 }, () => given.connect()));
    const runs: Row[] = [];
    for (let i = 0; i < 24; i++) runs.push(await q.running({}, 0));
    await Promise.all(
      runs.map((run, i) => {
        const [one, two] = [sessions[i % 8]!, sessions[(i * 3 + 1) % 8]!];
        return Promise.all([q.as(one).awaitEvent(run, `e${i % 6}`), q.as(two).emit(`e${i % 6}`, i)]);
      }),
    );
    const states = await Promise.all(runs.map(async (run) => (await q.run(run))["state"]));
    expect(states.filter((state) => state === "sleeping")).toEqual([]);
    const stored = await given.main.rows(`select count(*)::int as n from ${q.table("c")}`);
    expect(stored).toEqual([{ n: 24 }]);
  });

  const refused = (code: string) => ({ status: "rejected", reason: expect.objectContaining({ code }) });

  async function race(q: Queue, first: (on: Queue) => Promise<unknown>, second: (on: Queue) => Promise<unknown>) {
    const [one, two] = [await given.connect(), await given.connect()];
    await inTransaction(one, () => first(q.as(one)));
    const later = Promise.allSettled([second(q.as(two))]);
    await two.isBlocked(given.main);
    await one.rows("commit");
    return (await later)[0];
  }

  it("cancel against complete: the first to hold the run decides, without a deadlock", async () => {
    const q = await given.queue();
    const one = await q.running();
    const late = await race(
      q,
      (on) => on.cancel(one),
      (on) => on.complete(one),
    );
    expect(late).toMatchObject(refused("AB001"));
    const two = await q.running();
    const noop = await race(
      q,
      (on) => on.complete(two),
      (on) => on.cancel(two),
    );
    expect(noop?.status).toBe("fulfilled");
    expect((await q.result(two))["state"]).toBe("completed");
  });

  it("cancel against fail: the retry that began meanwhile is cancelled too", async () => {
    const q = await given.queue();
    const run = await q.running();
    const done = await race(
      q,
      (on) => on.fail(run),
      (on) => on.cancel(run),
    );
    expect(done?.status).toBe("fulfilled");
    expect((await q.task(run))["state"]).toBe("cancelled");
    const states = await given.main.rows(`select state from ${q.table("r")} order by attempt`);
    expect(states).toEqual([{ state: "failed" }, { state: "cancelled" }]);
  });

  it("a sweep does not wait for a worker that is just completing", async () => {
    const q = await given.queue();
    const worker = await given.connect();
    await q.at("12:00");
    const run = await q.running({}, 1);
    await inTransaction(worker, () => q.as(worker).complete(run));
    await q.at("13:00");
    expect(await q.claim()).toEqual([]);
    await worker.rows("commit");
    expect(await q.claim()).toEqual([]);
    expect((await q.result(run))["state"]).toBe("completed");
  });

  it("a policy sweep does not wait for a worker, and takes the task at the next claim", async () => {
    const q = await given.queue();
    const worker = await given.connect();
    await q.at("12:00");
    const run = await q.running({ cancellation: { max_duration: 5 } }, 0);
    await inTransaction(worker, () =>
      q
        .as(worker)
        .extend({ ...run, run_id: run["run_id"] }, 5)
        .catch(() => undefined),
    );
    await worker.rows("rollback");
    await inTransaction(worker, () => worker.rows(`select 1 from ${q.table("r")} for update`));
    await q.at("13:00");
    expect(await q.claim()).toEqual([]);
    expect((await q.result(run))["state"]).toBe("running");
    await worker.rows("commit");
    expect(await q.claim()).toEqual([]);
    expect((await q.result(run))["state"]).toBe("cancelled");
  });

  it("many sweepers fail a lost run once", async () => {
    const q = await given.queue();
    const sessions = await Promise.all(Array.from({ length: 6 }, () => given.connect()));
    await q.at("12:00");
    for (let i = 0; i < 5; i++) await q.running({}, 1);
    for (const session of sessions) await q.as(session).at("13:00");
    await Promise.all(sessions.map((session) => q.as(session).claim(10)));
    const attempts = `select attempt, count(*)::int as n from ${q.table("r")} group by attempt order by attempt`;
    expect(await given.main.rows(attempts)).toEqual([
      { attempt: 1, n: 5 },
      { attempt: 2, n: 5 },
    ]);
  });

  it("many spawns with one key make one task, and all learn its id", async () => {
    const q = await given.queue();
    const sessions = await Promise.all(Array.from({ length: 8 }, () => given.connect()));
    const spawned = await Promise.all(sessions.map((session) => q.as(session).spawn({ idempotency_key: "k" })));
    expect(new Set(spawned.map((task) => task["task_id"])).size).toBe(1);
    expect(spawned.filter((task) => task["created"])).toHaveLength(1);
    expect(await q.claim(10)).toHaveLength(1);
  });

  it("a spawn waits for the holder of its key and takes the key over when that rolls back", async () => {
    const q = await given.queue();
    const [one, two] = [await given.connect(), await given.connect()];
    await inTransaction(one, () => q.as(one).spawn({ idempotency_key: "k" }));
    const second = q.as(two).spawn({ idempotency_key: "k" });
    await two.isBlocked(given.main);
    await one.rows("rollback");
    expect((await second)["created"]).toBe(true);
  });

  it("a queue made by many at once is made once", async () => {
    const sessions = await Promise.all(Array.from({ length: 6 }, () => given.connect()));
    await Promise.all(sessions.map((session) => session.rows("select absurd.create_queue('crowd')")));
    expect(await given.main.rows("select * from absurd.list_queues() where queue_name = 'crowd'")).toHaveLength(1);
  });

  it("spawns and emits can share a transaction with business rows", async () => {
    const q = await given.queue();
    const other = await given.connect();
    await inTransaction(other, () => q.as(other).spawn());
    expect(await q.claim()).toEqual([]);
    await other.rows("commit");
    expect(await q.claim()).toHaveLength(1);
  });
});
