// Every call of the store that changes something or asks, with its answer or the statement itself lost on the way: it is answered as
// if nothing had happened, and done once. postgres-faults.test.ts has the first half of them.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPostgres } from "../../adapters/postgres/open.ts";
import type { Store } from "../../src/ports/store.ts";
import type { ClaimedRun } from "../../src/ports/store-types.ts";
import { Given, json, LEASE_MS, onEvent, onTime, OWNER, QUEUE } from "./given.ts";
import { ManualClock } from "./manual-clock.ts";
import { useLab } from "./postgres-lab.ts";
import { startProxy, type Fault, type Proxy } from "./postgres-proxy.ts";

const lab = useLab();
const GONE = { name: "$ClaimTimeout", message: "gone" };
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

const lapse = ({ runId }: ClaimedRun) =>
  lab.query(`update absurd.r_${QUEUE} set claim_expires_at = now() - interval '1 second' where run_id = $1`, [runId]);

describe.each<Fault>(["answer lost", "statement lost"])("with the %s", (fault) => {
  /** Makes the call while its connection breaks. */
  const through = async <T>(call: () => Promise<T>): Promise<T> => {
    const met = proxy.next(fault);
    const [answer] = await Promise.allSettled([call()]);
    await met;
    if (answer.status === "rejected") throw answer.reason;
    return answer.value;
  };

  test("a claim is held and extended, its code noted once", async () => {
    const run = await given.running();
    expect(await through(() => store.claims.held([run]))).toEqual([{ ok: true }]);
    expect(await through(() => store.claims.extend([{ ...run, leaseMs: 3 * LEASE_MS }]))).toEqual([{ ok: true }]);
    const [lease] = await lab.query<{ left: number }>(
      `select extract(epoch from claim_expires_at - now())::float8 as left from absurd.r_${QUEUE} where run_id = $1`,
      [run.runId],
    );
    expect(lease!.left).toBeGreaterThan((2 * LEASE_MS) / 1_000);
    await through(() => store.progress.stamp([{ ...run, generation: `g-${fault}` }]));
    expect((await given.found(run.runId)).run.generation).toBe(`g-${fault}`);
    await given.complete(run);
  });

  test("a later attempt's code is noted once", async () => {
    const run = await given.running();
    await given.fail(run, 0);
    const second = await given.claimOne();
    await through(() => store.progress.stamp([{ ...second, generation: "g2" }]));
    expect((await given.found(second.runId)).run.generation).toBe("g2");
    await given.complete(second);
  });

  test("parked runs are made due", async () => {
    const run = await given.running({ workflowName: `parked-${fault}` });
    await store.claims.release([{ ...run, delayMs: 60_000 }]);
    await through(() => store.claims.unpark([`parked-${fault}`]));
    expect((await given.claimOne()).runId).toBe(run.runId);
    await given.cancel(run.taskId);
  });

  test("an emit wakes its waiter once and is the first", async () => {
    const run = await given.running();
    await given.asleep(run, onEvent(`woken-${fault}`));
    expect(await through(() => given.emit(`woken-${fault}`))).toMatchObject({ first: true });
    const again = await given.claimOne();
    expect(again).toMatchObject({ runId: run.runId, attempt: 1, recorded: [{ kind: "event" }] });
    expect(await given.claim()).toEqual([]);
    await given.complete(again);
  });

  test("a lapsed claim is ended as one attempt", async () => {
    const run = await given.running();
    await lapse(run);
    const request = { scope: "lapsed", owner: OWNER, failure: GONE, limit: 10 } as const;
    await through(() => store.claims.expire(request));
    expect(await store.reads.runs(run.taskId)).toMatchObject([{ state: "failed" }, { state: "pending" }]);
    await given.cancel(run.taskId);
  });

  test("old tasks are forgotten, and a start key is not", async () => {
    const idempotencyKey = `kept-${fault}`;
    const run = await given.running({ idempotencyKey });
    await given.complete(run);
    await through(() => store.tasks.forget(Date.now() + 60_000, 1_000));
    expect(await store.reads.find(run.taskId)).toBeNull();
    expect(await given.task({ idempotencyKey })).toMatchObject({ created: false, taskId: run.taskId });
  });

  test("runs that a lost claim took are given back at no cost", async () => {
    const { taskId } = await given.task();
    const lost = through(() => given.claim());
    await expect(lost).rejects.toMatchObject({ code: "unavailable", details: { inDoubt: true } });
    const run = await given.claimOne();
    expect(run).toMatchObject({ taskId, attempt: 1 });
    await given.complete(run);
  });

  test("a retry of a task is made once or not at all", async () => {
    const run = await given.runIn("failed");
    await expect(through(() => given.retry(run.taskId))).rejects.toMatchObject({ details: { inDoubt: true } });
    expect((await store.reads.runs(run.taskId)).length).toBe(fault === "answer lost" ? 2 : 1);
    await given.cancel(run.taskId);
  });

  test("a key is revoked and said to be", async () => {
    await store.keys.add({ id: `k-${fault}`, name: "n", scope: "read", hash: `h-${fault}` });
    expect(await through(() => store.keys.revoke(`k-${fault}`))).toBe(true);
    expect(await store.keys.findByHash(`h-${fault}`)).toBeNull();
  });

  test("questions are asked again", async () => {
    const run = await given.running();
    await given.step(run, "a", json(1));
    await given.asleep(run, onTime(60_000));
    const next = await store.claims.nextDueAt([QUEUE]);
    expect(await through(() => store.claims.nextDueAt([QUEUE]))).toBe(next);
    expect(await through(() => store.reads.checkpoints(run.taskId))).toHaveLength(1);
    expect(await through(() => store.reads.list({ limit: 1 }))).toMatchObject([{ task: { taskId: run.taskId } }]);
    expect((await through(() => store.reads.counts())).length).toBeGreaterThan(0);
    expect(await through(() => store.events.get("nobody"))).toBeNull();
    await given.cancel(run.taskId);
  });
});
