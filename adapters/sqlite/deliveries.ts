// Webhook deliveries: each is recorded in the transaction that starts its task.
import { firstIdAt } from "../../src/core/ids.ts";
import type {
  Delivery,
  DeliveryFilter,
  DeliveryStore,
  NewDelivery,
  Recorded,
} from "../../src/ports/store-deliveries.ts";
import { packJson, packText, packTextOrNull } from "./codec.ts";
import { prepareQuery } from "./query.ts";
import { each, read, type Session } from "./session.ts";
import { createEnqueue } from "./tasks.ts";
import { deliveryOf, type DeliveryRow } from "../rows/deliveries.ts";

export const DELIVERY_COLUMNS = `id, slug, workflow_name, received_at, method, url, headers, body_sha256, body_size, source_ip, outcome, checks,
  key, task_id, created, same_body`;
export const INSERT_DELIVERY = `INSERT INTO deliveries (${DELIVERY_COLUMNS}, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const FIRST_BODY = "SELECT body_sha256 FROM delivery_keys WHERE key = ?";
export const INSERT_DELIVERY_KEY = "INSERT INTO delivery_keys (key, body_sha256) VALUES (?, ?)";
const GET = `SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE id = ?`;
const BODY = "SELECT body FROM deliveries WHERE id = ?";
const LIST = (where: string): string =>
  `SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE ${where} ORDER BY id DESC LIMIT ?`;
const PRUNE = `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries
  WHERE id <= (SELECT id FROM deliveries ORDER BY id DESC LIMIT 1 OFFSET ?) OR id < ? ORDER BY id LIMIT ?)`;

export function createDeliveries(session: Session): DeliveryStore {
  const { db } = session;
  const record = createRecord(session);
  const get = prepareQuery<[string], DeliveryRow>(db, GET);
  const body = prepareQuery<[string], { body: Buffer }>(db, BODY);
  const prune = db.prepare(PRUNE);
  return {
    record: (deliveries) => each(session, deliveries, record),
    get: (id) =>
      read(session, () => {
        const row = get.get(id.toLowerCase());
        return row ? deliveryOf(row) : null;
      }),
    body: (id) => read(session, () => body.get(id.toLowerCase())?.body ?? null),
    list: (filter) =>
      read(session, () => {
        const { where, values } = conditions(filter);
        return prepareQuery<unknown[], DeliveryRow>(db, LIST(where))
          .all(...values, filter.limit)
          .map(deliveryOf);
      }),
    prune: ({ beforeMs, keep, limit }) =>
      session.commits.add(() => prune.run(keep, firstIdAt(beforeMs), limit).changes),
  };
}

function createRecord(session: Session): (delivery: NewDelivery) => Recorded {
  const { db } = session;
  const enqueue = createEnqueue(session);
  const insert = db.prepare<unknown[]>(INSERT_DELIVERY);
  const firstBody = prepareQuery<[string], { body_sha256: string }>(db, FIRST_BODY);
  const insertKey = db.prepare<unknown[]>(INSERT_DELIVERY_KEY);
  return (delivery) => {
    const { task, key, bodySha256, body } = delivery;
    const enqueued = task === null ? null : enqueue(task);
    let sameBody = true;
    if (key !== null) {
      const first = firstBody.get(packText(key));
      if (first) sameBody = first.body_sha256 === bodySha256;
      else insertKey.run(packText(key), bodySha256);
    }
    const taskId = enqueued?.taskId ?? null;
    insert.run(...deliveryValues({ ...delivery, taskId, created: enqueued?.created ?? false, sameBody }), body);
    return { enqueued, sameBody };
  };
}

/** In the order of DELIVERY_COLUMNS. */
export function deliveryValues(delivery: Delivery): unknown[] {
  return [
    delivery.id,
    packText(delivery.slug),
    packText(delivery.workflowName),
    delivery.receivedAt,
    delivery.method,
    packText(delivery.url),
    packJson(delivery.headers),
    delivery.bodySha256,
    delivery.bodySize,
    delivery.sourceIp,
    delivery.outcome,
    packJson(delivery.checks),
    packTextOrNull(delivery.key),
    delivery.taskId,
    delivery.created ? 1 : 0,
    delivery.sameBody ? 1 : 0,
  ];
}

function conditions({ before, slug, outcome, taskId }: DeliveryFilter): { where: string; values: unknown[] } {
  const wanted = {
    "id <": before?.toLowerCase(),
    "slug =": slug === undefined ? undefined : packText(slug),
    "outcome =": outcome,
    "task_id =": taskId,
  };
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return {
    where: ["1", ...given.map(([column]) => `${column} ?`)].join(" AND "),
    values: given.map(([, value]) => value),
  };
}
