// Deliveries for the lock-step test: few keys and bodies, so that most repeat each other or a task that was started without a delivery.
import { deliveriesOf } from "./deliveries.ts";
import { newTask } from "./given.ts";
import type { Side } from "./lock-step-pair.ts";

export const DELIVERY_OUTCOMES = ["accepted", "accepted", "filtered", "handshake"] as const;

export interface DeliveryOperation {
  readonly key: string;
  readonly body: string;
  readonly outcome: (typeof DELIVERY_OUTCOMES)[number];
  readonly queue: string;
}

export async function deliver(side: Side, { key, body, outcome, queue }: DeliveryOperation): Promise<unknown> {
  const { given } = side;
  const cause = { kind: "webhook", ref: key } as const;
  const task = outcome === "accepted" ? newTask({ queue, workflowName: "b", idempotencyKey: key, cause }) : null;
  // No two operations share a moment, so ids made of it alone differ.
  const delivery = deliveriesOf(given)({ key, body: Buffer.from(body), outcome, task });
  const [recorded] = await given.store.deliveries.record([delivery]);
  if (recorded!.enqueued?.created) side.tasks.push(recorded!.enqueued.taskId);
  return recorded;
}

/** All that can be seen of them, newest first, with their bytes. */
export async function shownDeliveries({ given }: Side): Promise<unknown> {
  const { deliveries } = given.store;
  const all = await deliveries.list({ limit: 100 });
  return Promise.all(all.map(async (one) => ({ ...one, body: (await deliveries.body(one.id))?.toString("latin1") })));
}
