// Absurd's own TypeScript SDK against our schema, through its public face alone: what it can do on a genuine schema it can do here.
import { Absurd, TimeoutError, type TaskContext } from "absurd-sdk";
import pg from "pg";
import { afterEach, expect, it } from "vitest";
import { onEachServer } from "./absurd-given.ts";

const QUIET = { log() {}, info() {}, warn() {}, error() {} };
const FINISHED = { timeout: 20 };

onEachServer("Absurd's SDK", (given) => {
  const open: (() => Promise<void>)[] = [];
  let queues = 0;

  afterEach(async () => {
    for (const close of open.splice(0).toReversed()) await close();
  });

  /** A client on a queue of its own; `work` starts its worker once the tasks are registered. */
  async function sdk() {
    const pool = new pg.Pool({ connectionString: given.database.connectionString });
    // The pool's promise of an end comes before its connections have gone; a server stopped then is no news.
    pool.on("error", () => undefined);
    open.push(() => pool.end());
    const app = new Absurd({ db: pool, queueName: `sdk-${(queues += 1)}`, log: QUIET });
    open.push(() => app.close());
    await app.createQueue();
    const work = (options: object = {}) =>
      app.startWorker({ pollInterval: 0.01, concurrency: 4, fatalOnLeaseTimeout: false, ...options });
    return { app, work };
  }

  type Job = (params: any, ctx: TaskContext) => Promise<unknown>;

  async function runs(job: Job, options: object = {}) {
    const { app, work } = await sdk();
    app.registerTask({ name: "job" }, job);
    const { taskID } = await app.spawn("job", { n: 1 }, options);
    await work();
    return { app, taskID, end: await app.awaitTaskResult(taskID, FINISHED) };
  }

  it("steps run once over the attempts of a task, and the result is found", async () => {
    let steps = 0;
    let attempts = 0;
    const { end } = await runs(
      async (params: { n: number }, ctx) => {
        const one = await ctx.step("one", async () => ({ value: params.n + (steps += 1) }));
        const same = await ctx.step("one", async () => "a second of that name");
        if ((attempts += 1) < 3) throw new Error("not yet");
        return { one, same, trace: ctx.headers["trace"] };
      },
      { headers: { trace: "t" }, retryStrategy: { kind: "none" } },
    );
    expect(end).toEqual({
      state: "completed",
      result: { one: { value: 2 }, same: "a second of that name", trace: "t" },
    });
    expect([steps, attempts]).toEqual([1, 3]);
  });

  it("a task out of attempts is failed with its reason, and can be retried in place and anew", async () => {
    let fail = true;
    const { app, taskID, end } = await runs(
      async () => {
        if (fail) throw new Error("broken");
        return "mended";
      },
      { maxAttempts: 2 },
    );
    expect(end).toMatchObject({ state: "failed", failure: { message: "broken" } });
    fail = false;
    expect(await app.retryTask(taskID)).toMatchObject({ taskID, attempt: 3, created: false });
    expect(await app.awaitTaskResult(taskID, FINISHED)).toEqual({ state: "completed", result: "mended" });
    fail = true;
    const again = await app.spawn("job", {}, { maxAttempts: 1 });
    await app.awaitTaskResult(again.taskID, FINISHED);
    fail = false;
    const fresh = await app.retryTask(again.taskID, { spawnNewTask: true });
    expect(fresh).toMatchObject({ attempt: 1, created: true });
    expect(await app.awaitTaskResult(fresh.taskID, FINISHED)).toMatchObject({ state: "completed" });
  });

  it("a sleep ends, on the same attempt", async () => {
    const starts: number[] = [];
    const { end } = await runs(async (_, ctx) => {
      starts.push(Date.now());
      await ctx.sleepFor("nap", 0.2);
      return "awake";
    });
    expect(end).toEqual({ state: "completed", result: "awake" });
    expect(starts).toHaveLength(2);
    expect(starts[1]! - starts[0]!).toBeGreaterThanOrEqual(199);
  });

  it("an event wakes a task, also one that was emitted before, and null is a payload", async () => {
    const { app, work } = await sdk();
    app.registerTask({ name: "job" }, async (params: { event: string }, ctx) => [await ctx.awaitEvent(params.event)]);
    await app.emitEvent("early", { n: 1 });
    await app.emitEvent("early", { n: 2 });
    const early = await app.spawn("job", { event: "early" });
    const late = await app.spawn("job", { event: "late" });
    const empty = await app.spawn("job", { event: "empty" });
    await work();
    expect(await app.awaitTaskResult(early.taskID, FINISHED)).toMatchObject({ result: [{ n: 1 }] });
    await expect.poll(async () => (await app.fetchTaskResult(late.taskID))?.state).toBe("sleeping");
    await app.emitEvent("late", "now");
    await app.emitEvent("empty", null);
    expect(await app.awaitTaskResult(late.taskID, FINISHED)).toMatchObject({ result: ["now"] });
    expect(await app.awaitTaskResult(empty.taskID, FINISHED)).toMatchObject({ result: [null] });
  });

  it("an event that does not come is a TimeoutError", async () => {
    const { end } = await runs(async (_, ctx) => {
      try {
        return await ctx.awaitEvent("never", { timeout: 1 });
      } catch (error) {
        if (error instanceof TimeoutError) return "timed out";
        throw error;
      }
    });
    expect(end).toEqual({ state: "completed", result: "timed out" });
  });

  it("a task emits to another, and a step may be begun and completed apart", async () => {
    const { app, work } = await sdk();
    app.registerTask({ name: "waits" }, async (_, ctx) => ctx.awaitEvent("hello"));
    app.registerTask({ name: "emits" }, async (_, ctx) => {
      const handle = await ctx.beginStep<number>("turn");
      if (!handle.done) await ctx.completeStep(handle, 7);
      await ctx.emitEvent("hello", { from: "emits" });
    });
    const waits = await app.spawn("waits", {});
    await app.spawn("emits", {});
    await work();
    expect(await app.awaitTaskResult(waits.taskID, FINISHED)).toMatchObject({ result: { from: "emits" } });
  });

  it("a heartbeat keeps a claim alive beyond its timeout, and without one the claim is lost", async () => {
    const { app } = await sdk();
    app.registerTask({ name: "job" }, async () => "unused");
    const { taskID } = await app.spawn("job", {});
    const [claimed] = await app.claimTasks({ claimTimeout: 1, workerId: "one" });
    const text = `select claim_expires_at - clock_timestamp() > interval '50 s' as long from absurd."r_sdk-${queues}" where run_id = $1`;
    app.registerTask({ name: "job" }, async (_, ctx) => {
      await ctx.heartbeat(60);
      return (await given.main.row(text, claimed!.run_id))["long"];
    });
    await app.executeTask(claimed!, 1);
    expect(await app.fetchTaskResult(taskID)).toEqual({ state: "completed", result: true });
    await app.spawn("job", {});
    await app.claimTasks({ claimTimeout: 1, workerId: "lost" });
    const found: { attempt: number }[] = [];
    await expect
      .poll(async () => found.push(...(await app.claimTasks({ claimTimeout: 60, workerId: "two" }))), {
        timeout: 10_000,
      })
      .toBeGreaterThan(0);
    expect(found[0]).toMatchObject({ attempt: 2 });
  });

  it("a cancelled task stops at its next step and stays cancelled", async () => {
    const { app, work } = await sdk();
    const reached: string[] = [];
    let begun: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (begun = resolve));
    let release: () => void = () => undefined;
    const cancelled = new Promise<void>((resolve) => (release = resolve));
    app.registerTask({ name: "job" }, async (_, ctx) => {
      begun();
      await cancelled;
      await ctx.step("after", async () => reached.push("in the step"));
      reached.push("after the step");
    });
    const { taskID } = await app.spawn("job", {});
    const worker = await work();
    await running;
    await app.cancelTask(taskID);
    release();
    await worker.close();
    expect(reached).toEqual(["in the step"]);
    expect(await app.fetchTaskResult(taskID)).toEqual({ state: "cancelled" });
    await expect(app.cancelTask("01900000-0000-7000-8000-000000000001")).rejects.toThrow("not found");
  });

  it("a key spawns once, and unknown tasks have no result", async () => {
    const { app } = await sdk();
    app.registerTask({ name: "job" }, async () => 1);
    const one = await app.spawn("job", {}, { idempotencyKey: "k" });
    const two = await app.spawn("job", {}, { idempotencyKey: "k" });
    expect([one.created, two.created, two.taskID]).toEqual([true, false, one.taskID]);
    await app.workBatch("w", 60, 1);
    expect(await app.fetchTaskResult(one.taskID)).toEqual({ state: "completed", result: 1 });
    expect(await app.fetchTaskResult("01900000-0000-7000-8000-000000000001")).toBeNull();
  });

  it("a cancellation policy cancels what nobody started", async () => {
    const { app, work } = await sdk();
    const { taskID } = await app.spawn("job", {}, { queue: `sdk-${queues}`, cancellation: { maxDelay: 0 } });
    app.registerTask({ name: "job" }, async () => 1);
    await work();
    expect(await app.awaitTaskResult(taskID, FINISHED)).toEqual({ state: "cancelled" });
  });

  it("a task waits for the result of a task in another queue", async () => {
    const child = await sdk();
    const childQueue = `sdk-${queues}`;
    child.app.registerTask({ name: "child" }, async () => "from below");
    await child.work();
    const { app, work } = await sdk();
    app.registerTask({ name: "parent" }, async (_, ctx) => {
      const spawned = await ctx.step("spawn", async () => app.spawn("child", {}, { queue: childQueue }));
      return ctx.awaitTaskResult(spawned.taskID, { queue: childQueue, timeout: 20 });
    });
    const { taskID } = await app.spawn("parent", {});
    await work();
    expect(await app.awaitTaskResult(taskID, FINISHED)).toMatchObject({
      state: "completed",
      result: { state: "completed", result: "from below" },
    });
  });

  it("queues are made, listed, given policies and dropped", async () => {
    const { app } = await sdk();
    await app.createQueue("made by the SDK", { cleanupTtl: "2 days", cleanupLimit: 7 });
    expect(await app.listQueues()).toContain("made by the SDK");
    await app.setQueuePolicy("made by the SDK", { detachMode: "empty" });
    expect(await app.getQueuePolicy("made by the SDK")).toMatchObject({
      queueName: "made by the SDK",
      storageMode: "unpartitioned",
      cleanupLimit: 7,
      detachMode: "empty",
    });
    expect(await app.getQueuePolicy("nobody")).toBeNull();
    await app.dropQueue("made by the SDK");
    expect(await app.listQueues()).not.toContain("made by the SDK");
    await expect(app.createQueue("split", { storageMode: "partitioned" })).rejects.toThrow("not provided");
  });

  it("spawns and emits share a caller's transaction", async () => {
    const { app } = await sdk();
    const client = new pg.Client({ connectionString: given.database.connectionString });
    await client.connect();
    try {
      const bound = app.bindToConnection(client);
      await client.query("begin");
      const { taskID } = await bound.spawn("job", {}, { queue: `sdk-${queues}` });
      expect(await app.fetchTaskResult(taskID)).toBeNull();
      await client.query("rollback");
      expect(await app.fetchTaskResult(taskID)).toBeNull();
    } finally {
      await client.end();
    }
  });
});
