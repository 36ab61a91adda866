// Webhook deliveries: each is recorded by the statement that starts its task.
import { firstIdAt, type RunId, type TaskId } from "../../src/core/ids.ts";
import type { DeliveryStore, NewDelivery, ReceivedDelivery, Recorded } from "../../src/ports/store-deliveries.ts";
import { packJson, packText, packTextOrNull } from "./codec.ts";
import { byQueue, checkQueue, idOrNone, lanesOf, type Session } from "./session.ts";
import { packTask, queueMark } from "./tasks.ts";
import { deliveryOf, type DeliveryRow } from "../rows/deliveries.ts";

/** Bodies travel with their statement: at most this many of the largest allowed size. */
const WIDTH = 64;

export const DELIVERY_COLUMNS = `id, slug, workflow_name, chiron.ms(received_at) as received_at, method, url, headers, body_sha256, body_size,
  source_ip, outcome, checks, key, task_id, created, same_body`;
const DELIVER = (number: number): string => `select * from chiron.deliver_${number}($1::json, $2, $3)`;
/** $1 the deliveries as one JSON array. */
export const INSERT_DELIVERIES = "select chiron.insert_deliveries($1::json)";
const GET = `select ${DELIVERY_COLUMNS} from chiron.deliveries where id = $1`;
const BODY = "select body from chiron.deliveries where id = $1";
const LIST = `select ${DELIVERY_COLUMNS} from chiron.deliveries where ($1::uuid is null or id < $1) and ($2::text is null or slug = $2)
  and ($3::text is null or outcome = $3) and ($4::uuid is null or task_id = $4) order by id desc limit $5`;
const PRUNE = `delete from chiron.deliveries where id in (select id from chiron.deliveries
  where id <= (select id from chiron.deliveries order by id desc limit 1 offset $1) or id < $2 order by id limit $3) returning 1`;

interface StartedRow {
  readonly n: number;
  readonly task_id: TaskId;
  readonly run_id: RunId;
  readonly attempt: number;
  readonly created: boolean;
  readonly same_body: boolean;
}

export function createDeliveries(session: Session): DeliveryStore {
  const { sender } = session;
  return {
    record: createRecord(session),
    async get(id) {
      const [row] = await sender.read<DeliveryRow>(GET, [idOrNone(id)]);
      return row ? deliveryOf(row) : null;
    },
    body: async (id) => (await sender.read<{ body: Buffer }>(BODY, [idOrNone(id)]))[0]?.body ?? null,
    async list({ before, slug, outcome, taskId, limit }) {
      const ids = [before, taskId].map((id) => (id === undefined ? null : idOrNone(id)));
      const values = [ids[0], packTextOrNull(slug), outcome ?? null, ids[1], limit];
      return (await sender.read<DeliveryRow>(LIST, values)).map(deliveryOf);
    },
    prune: async ({ beforeMs, keep, limit }) =>
      (await sender.commit(PRUNE, () => [keep, firstIdAt(beforeMs), limit], true)).length,
  };
}

function createRecord(session: Session): DeliveryStore["record"] {
  const lanes = lanesOf<NewDelivery, StartedRow, Recorded>(session, (number) => ({
    sql: DELIVER(number),
    resend: true,
    width: WIDTH,
    values: (members, again, ticket) => [members, ticket, again],
    pack: (delivery) => ({ ...packTask(delivery.task!), received: packDelivery(delivery) }),
    answer: ([row]) => ({
      enqueued: { taskId: row!.task_id, runId: row!.run_id, attempt: row!.attempt, created: row!.created },
      sameBody: row!.same_body,
    }),
  }));
  const note = session.gatherer.lane<NewDelivery, Recorded>({
    width: WIDTH,
    inFlight: 1,
    async send(members) {
      const packed = members.map((delivery) => ({ ...packDelivery(delivery), created: false, same_body: true }));
      await session.sender.commit(INSERT_DELIVERIES, () => [JSON.stringify(packed)], true);
      return members.map(() => ({ enqueued: null, sameBody: true }));
    },
  });
  return async (deliveries) => {
    const queues = deliveries.map(({ task }) => task?.queue ?? null);
    for (const queue of queues) if (queue !== null) checkQueue(session, queue);
    return byQueue(queues, deliveries, (queue, members) =>
      queue === null ? note(members) : lanes.get(queue)!(members, { marks: [queueMark(queue)] }),
    );
  };
}

/** As chiron.received has it, without what is known only when its task has begun. */
export function packDelivery(delivery: ReceivedDelivery & { readonly body: Buffer }): object {
  return {
    id: delivery.id,
    slug: packText(delivery.slug),
    workflow: packText(delivery.workflowName),
    received: delivery.receivedAt,
    method: delivery.method,
    url: packText(delivery.url),
    headers: packJson(delivery.headers),
    body_sha256: delivery.bodySha256,
    body_size: delivery.bodySize,
    source_ip: delivery.sourceIp,
    outcome: delivery.outcome,
    checks: packJson(delivery.checks),
    key: packTextOrNull(delivery.key),
    body: delivery.body.toString("base64"),
  };
}
