// A server that fails under way: nothing that was acknowledged is lost, nothing is done twice, and the store goes on by itself.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPostgres } from "../../adapters/postgres/open.ts";
import type { Store } from "../../src/ports/store.ts";
import { Given, json, newTask, onEvent, onTime, raw } from "./given.ts";
import { ManualClock } from "./manual-clock.ts";
import { useLab } from "./postgres-lab.ts";
import { startProxy, type Fault, type Proxy } from "./postgres-proxy.ts";

const lab = useLab({ durable: true });
let proxy: Proxy;
let given: Given;
let store: Store;

beforeAll(async () => {
  const { connectionString } = await lab.database();
  await (await lab.open()).store.admin.close();
  proxy = await startProxy(await lab.server());
  store = await openPostgres({ connectionString: proxy.address(connectionString), statementTimeoutMs: 500 });
  given = new Given(store, new ManualClock());
});

afterAll(async () => {
  await store.admin.close();
  await proxy.close();
});

describe.each<Fault>(["answer lost", "statement lost"])("with the %s", (fault) => {
  /** Makes the call while its connection breaks. */
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    const met = proxy.next(fault);
    const answer = await call();
    await met;
    return answer;
  };

  test("a task is started once and said to be created", async () => {
    const answer = await through(() => given.task({ workflowName: `once-${fault}` }));
    expect(answer).toMatchObject({ created: true, attempt: 1 });
    expect(await store.reads.activeOf(`once-${fault}`, 10)).toEqual([answer.taskId]);
    expect((await given.claimOne()).taskId).toBe(answer.taskId);
  });

  test("a key is taken once, and its task is new", async () => {
    const idempotencyKey = `key-${fault}`;
    const answer = await through(() => given.task({ idempotencyKey }));
    expect(answer.created).toBe(true);
    expect(await given.task({ idempotencyKey })).toEqual({ ...answer, created: false });
    await given.cancel(answer.taskId);
  });

  test("a checkpoint is recorded once and no earlier one is reported", async () => {
    const run = await given.running();
    expect(await through(() => given.step(run, "a"))).toEqual({ ok: true });
    expect(await given.step(run, "a", json("other"))).toMatchObject({ ok: true, kept: { value: '"a"' } });
    expect(await store.reads.checkpoints(run.taskId)).toHaveLength(1);
    await given.complete(run);
  });

  test("every end of a claim is answered as what it was", async () => {
    const asleep = await given.running();
    expect(await through(() => given.suspend(asleep, onTime(60_000)))).toMatchObject({ ok: true, suspended: true });
    const released = await given.running();
    expect(await through(async () => (await store.claims.release([{ ...released, delayMs: 60_000 }]))[0])).toEqual({
      ok: true,
    });
    const failed = await given.running({ maxAttempts: 2 });
    expect(await through(() => given.fail(failed, 60_000))).toMatchObject({ ok: true, taskState: "sleeping" });
    expect(await store.reads.runs(failed.taskId)).toHaveLength(2);
    const done = await given.running();
    expect(await through(() => given.complete(done))).toEqual({ ok: true });
    for (const { taskId } of [asleep, released, failed]) await given.cancel(taskId);
  });

  test("an event is first once, and a run is cancelled once", async () => {
    const waiting = await given.running();
    await given.asleep(waiting, onEvent(`go-${fault}`));
    expect((await through(() => given.emit(`go-${fault}`))).first).toBe(true);
    expect((await given.emit(`go-${fault}`)).first).toBe(false);
    expect(await through(() => given.cancel(waiting.taskId))).toMatchObject({ ok: true, state: "cancelled" });
  });

  test("a read and a ping do not notice", async () => {
    const { taskId } = await given.task();
    expect(await through(() => given.stateOf(taskId))).toBe("pending");
    await through(() => store.admin.ping());
    await given.cancel(taskId);
  });

  test("what cannot be told apart is reported, not guessed", async () => {
    const run = await given.runIn("failed");
    const answer = through(() => given.retry(run.taskId));
    await expect(answer).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("not known") });
    expect(await given.stateOf(run.taskId)).toBe(fault === "answer lost" ? "pending" : "failed");
    await given.cancel(run.taskId);
  });
});

test("a call the server refuses fails alone", async () => {
  const bad = () => given.task({ input: raw("{broken") });
  const settled = await Promise.allSettled([given.task(), bad(), given.task(), bad()]);
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
  expect(settled[1]).toMatchObject({ reason: { code: "bad_request" } });
  for (const { taskId } of await given.claim()) await given.cancel(taskId);
});

test("a statement that waits for another program's lock fails in time, alone", async () => {
  const blocked = await given.running();
  const free = await given.running();
  const release = await lockRun(blocked.runId);
  const settled = await Promise.allSettled([given.step(blocked, "a"), given.step(free, "a")]);
  expect(settled[0]).toMatchObject({
    status: "rejected",
    reason: { code: "unavailable", hint: expect.stringContaining("locks") },
  });
  expect(settled[1]).toMatchObject({ status: "fulfilled", value: { ok: true } });
  await release();
  expect(await given.step(blocked, "a")).toEqual({ ok: true });
  for (const run of [blocked, free]) await given.complete(run);
});

test("a line that falls silent is given up, and the next statement takes another", async () => {
  const met = proxy.next("silence");
  await expect(given.task()).rejects.toMatchObject({ code: "unavailable" });
  await met;
  expect((await given.task()).created).toBe(true);
});

test("connections that were ended while they were idle are replaced unseen", async () => {
  await store.admin.ping();
  await lab.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'chiron'");
  expect((await given.task()).created).toBe(true);
});

test("a server that crashes under load loses nothing it has acknowledged, and work goes on by itself", async () => {
  const kept: string[] = [];
  const load = Array.from({ length: 40 }, async (_, lane) => {
    for (let round = 0; round < 5; round += 1) {
      const name = `crash-${lane}-${round}`;
      const answer = await given.task({ workflowName: "crash", idempotencyKey: name }).catch(() => null);
      if (answer) kept.push(answer.taskId);
    }
  });
  await (await lab.server()).restart("immediate");
  await Promise.all(load);
  expect(kept.length).toBeGreaterThan(0);
  const there = await store.reads.activeOf("crash", 1_000);
  expect(there).toEqual(expect.arrayContaining(kept));
  expect(new Set(there).size).toBe(there.length);
  const again = await store.tasks.enqueue([newTask({ workflowName: "crash", idempotencyKey: "crash-0-0" })]);
  expect(again[0]!.created).toBe(!there.length);
});

/** Locks a run's row as another program might; answers how to let it go. */
async function lockRun(runId: string): Promise<() => Promise<void>> {
  const { default: pg } = await import("pg");
  const client = new pg.Client((await lab.database()).connectionString);
  await client.connect();
  await client.query("begin");
  await client.query("select 1 from absurd.r_centaur_workflows where run_id = $1 for update", [runId]);
  return () => client.end();
}
