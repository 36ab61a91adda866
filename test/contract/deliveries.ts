// Deliveries: recorded with the task they start, told apart by key and bytes, listed, bounded.
import { createHash } from "node:crypto";
import { expect } from "vitest";
import { createIdSource } from "../../src/core/ids.ts";
import type { NewDelivery } from "../../src/ports/store-deliveries.ts";
import type { Case } from "./case.ts";
import { json, newTask, raw, type Given } from "./given.ts";

/** Deliveries of this store's clock, one after the other. */
export function deliveriesOf(given: Given): (fields?: Partial<NewDelivery>) => NewDelivery {
  const ids = createIdSource(
    () => given.clock.now(),
    (size) => new Uint8Array(size),
  );
  return (fields = {}) => {
    const body = fields.body ?? Buffer.from('{"a":1}');
    const outcome = fields.outcome ?? "accepted";
    const key = outcome === "accepted" ? (fields.key ?? "webhook:triage:x-id:1") : null;
    const input = raw('{"webhook":{"slug":"triage"}}');
    const cause = { kind: "webhook", ref: "triage" } as const;
    return {
      id: ids.next(),
      slug: "triage",
      workflowName: "triage",
      receivedAt: given.clock.now(),
      method: "POST",
      url: "/api/webhooks/triage?a=%00",
      headers: raw('{"x-id":"1","odd":"\\u0000 \\ud800"}'),
      bodySha256: createHash("sha256").update(body).digest("hex"),
      bodySize: body.length,
      sourceIp: "203.0.113.9",
      checks: json([{ check: "signature", ok: true, detail: "verified" }]),
      task: key === null ? null : newTask({ workflowName: "triage", input, idempotencyKey: key, cause }),
      ...fields,
      body,
      outcome,
      key,
    };
  };
}

export function deliveriesContract(test: Case): void {
  test("a delivery and its task are recorded as one, with the bytes as they came", async (given) => {
    const body = Buffer.from([0, 255, 10, 13, 128, 0]);
    const delivery = deliveriesOf(given)({ body });
    const [recorded] = await given.store.deliveries.record([delivery]);
    const { task: newTask, body: sent, ...received } = delivery;
    expect(newTask && sent).toBeTruthy();
    expect(recorded).toMatchObject({ sameBody: true, enqueued: { created: true, attempt: 1 } });
    const { taskId } = recorded!.enqueued!;
    expect(await given.store.deliveries.get(delivery.id)).toEqual({
      ...received,
      taskId,
      created: true,
      sameBody: true,
    });
    expect(await given.store.deliveries.body(delivery.id)).toEqual(body);
    const { task } = await given.found(taskId);
    expect(task).toMatchObject({ cause: { kind: "webhook", ref: "triage" }, input: '{"webhook":{"slug":"triage"}}' });
    expect((await given.claimOne()).taskId).toBe(taskId);
  });

  test("a repeated delivery finds the first one's task, and other bytes under its key are told", async (given) => {
    const next = deliveriesOf(given);
    const [first, same, other] = [next(), next(), next({ body: Buffer.from("{}") })];
    const answers = await given.store.deliveries.record([first!, same!]);
    const [third] = await given.store.deliveries.record([other!]);
    const { taskId } = answers[0]!.enqueued!;
    expect([...answers, third].map((one) => one!.enqueued!.taskId)).toEqual([taskId, taskId, taskId]);
    expect([...answers, third].map((one) => one!.enqueued!.created)).toEqual([true, false, false]);
    expect([...answers, third].map((one) => one!.sameBody)).toEqual([true, true, false]);
    const kept = await given.store.deliveries.list({ limit: 10, taskId });
    expect(kept.map((one) => [one.id, one.created, one.sameBody])).toEqual([
      [other!.id, false, false],
      [same!.id, false, true],
      [first!.id, true, true],
    ]);
  });

  test("a key stays taken when its delivery and its task are gone", async (given) => {
    const next = deliveriesOf(given);
    const [recorded] = await given.store.deliveries.record([next()]);
    await given.complete(await given.claimOne());
    given.clock.move(1_000);
    expect(await given.store.tasks.forget(given.clock.now(), 10)).toBe(1);
    expect(await given.store.deliveries.prune({ beforeMs: given.clock.now(), keep: 10, limit: 10 })).toBe(1);
    const [again] = await given.store.deliveries.record([next({ body: Buffer.from("other") })]);
    expect(again).toEqual({ enqueued: { ...recorded!.enqueued!, created: false }, sameBody: false });
  });

  test("what starts nothing is recorded too", async (given) => {
    const next = deliveriesOf(given);
    const [filtered, hello] = [next({ outcome: "filtered" }), next({ outcome: "handshake", body: Buffer.alloc(0) })];
    expect(await given.store.deliveries.record([filtered!, hello!])).toEqual([
      { enqueued: null, sameBody: true },
      { enqueued: null, sameBody: true },
    ]);
    expect(await given.store.deliveries.get(filtered!.id)).toMatchObject({
      outcome: "filtered",
      taskId: null,
      key: null,
    });
    expect(await given.store.deliveries.body(hello!.id)).toEqual(Buffer.alloc(0));
    expect(await given.store.reads.list({ limit: 10 })).toEqual([]);
  });

  test("deliveries are listed newest first, by slug, outcome and task, from a cursor on", async (given) => {
    const next = deliveriesOf(given);
    const made: NewDelivery[] = [];
    for (let n = 0; n < 5; n += 1) {
      given.clock.move(1);
      made.push(
        next({
          slug: n % 2 === 0 ? "even" : "odd",
          key: `webhook:${n}`,
          ...(n === 3 ? { outcome: "filtered" as const } : {}),
        }),
      );
    }
    await given.store.deliveries.record(made);
    const ids = async (filter: object) =>
      (await given.store.deliveries.list({ limit: 10, ...filter })).map((one) =>
        made.findIndex(({ id }) => id === one.id),
      );
    expect(await ids({})).toEqual([4, 3, 2, 1, 0]);
    expect(await ids({ limit: 2 })).toEqual([4, 3]);
    expect(await ids({ before: made[2]!.id })).toEqual([1, 0]);
    expect(await ids({ slug: "even" })).toEqual([4, 2, 0]);
    expect(await ids({ outcome: "filtered" })).toEqual([3]);
    expect(await given.store.deliveries.get("not an id")).toBeNull();
    expect(await given.store.deliveries.body("00000000-0000-7000-8000-000000000000")).toBeNull();
  });

  test("the ring keeps the newest and forgets the old", async (given) => {
    const next = deliveriesOf(given);
    const made: NewDelivery[] = [];
    for (let n = 0; n < 6; n += 1) {
      given.clock.move(1_000);
      made.push(next({ key: `webhook:${n}` }));
    }
    await given.store.deliveries.record(made);
    const left = async () => (await given.store.deliveries.list({ limit: 10 })).length;
    expect(await given.store.deliveries.prune({ beforeMs: 0, keep: 4, limit: 100 })).toBe(2);
    expect(await left()).toBe(4);
    expect(await given.store.deliveries.prune({ beforeMs: made[4]!.receivedAt, keep: 100, limit: 1 })).toBe(1);
    expect(await given.store.deliveries.prune({ beforeMs: made[4]!.receivedAt, keep: 100, limit: 100 })).toBe(1);
    expect(await left()).toBe(2);
  });
}
