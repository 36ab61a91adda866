// What came to webhooks: kept deliveries from the store, rejected ones from memory, one as the sender sent it, and a kept one delivered
// again.
import { z } from "zod";
import { ChironError } from "../core/errors.ts";
import { isUuid, type TaskId } from "../core/ids.ts";
import type { Delivery } from "../ports/store-deliveries.ts";
import { secretRefsOf } from "../webhooks/auth.ts";
import { nearMisses } from "../webhooks/near-misses.ts";
import type { Rejection } from "../webhooks/rejections.ts";
import type { ApiDeps } from "./deps.ts";
import { answer, json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { array, object, rfc3339 } from "./wire.ts";

const MOST = 200;

const id = z
  .string()
  .refine(isUuid, "must be the id of a delivery")
  .meta({ format: "uuid" })
  .transform((text) => text.toLowerCase());

const DeliveryParams = z.object({ id });

const DeliveriesQuery = z.object({
  limit: z.coerce
    .number()
    .int()
    .transform((count) => Math.min(MOST, Math.max(1, count)))
    .default(50)
    .describe(`How many to answer: 50 when absent, brought into 1 to ${MOST}.`),
  slug: z.string().max(128).optional(),
  outcome: z.enum(["accepted", "filtered", "handshake", "rejected"]).optional(),
  task_id: id.optional(),
  before: id.optional().describe("Only deliveries older than this one: `next_before` of the page before."),
});

const CheckShape = z.object({ check: z.string(), ok: z.boolean(), detail: z.string() });

const DeliveryShape = z.object({
  delivery_id: z.string(),
  slug: z.string(),
  workflow_name: z.string().nullable(),
  received_at: z.string(),
  method: z.string(),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  body_size: z.int(),
  body_sha256: z.string().nullable(),
  source_ip: z.string().nullable(),
  outcome: z.enum(["accepted", "duplicate", "filtered", "handshake", "rejected"]),
  status: z.int().describe("What the sender was answered."),
  checks: z.array(CheckShape).describe("What it was looked at for, in order."),
  key: z.string().nullable(),
  task_id: z.string().nullable(),
  same_body: z.boolean().describe("False: the first delivery with this key had other bytes."),
  near_misses: z
    .array(z.string())
    .optional()
    .describe("Of a rejected delivery that is looked at alone: what would have made its signature fit."),
});

const DeliveriesAnswer = z.object({
  ok: z.literal(true),
  deliveries: z.array(DeliveryShape),
  next_before: z.string().nullable(),
});

export type WireDelivery = z.output<typeof DeliveryShape>;
export type DeliveryPage = z.output<typeof DeliveriesAnswer>;

export function deliveryRoutes(deps: ApiDeps): Route[] {
  return [listRoute(deps), oneRoute(deps), bodyRoute(deps), replayRoute(deps)];
}

function listRoute({ store, webhooks }: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/deliveries",
    name: "listDeliveries",
    summary: "Deliveries, newest first. Rejected ones are kept in this process's memory only.",
    access: "read",
    query: DeliveriesQuery,
    answers: { 200: { description: "One page.", schema: DeliveriesAnswer } },
    async handle({ query: { limit, slug, outcome, task_id, before } }) {
      const kept =
        outcome === "rejected"
          ? []
          : await store.deliveries.list({
              limit: limit + 1,
              ...(slug === undefined ? {} : { slug }),
              ...(outcome === undefined ? {} : { outcome }),
              ...(task_id === undefined ? {} : { taskId: task_id as TaskId }),
              ...(before === undefined ? {} : { before }),
            });
      const wantsRejected = task_id === undefined && (outcome === undefined || outcome === "rejected");
      const rejected = wantsRejected ? webhooks.rejections.list(slug) : [];
      const all = [
        ...kept.map((one): [string, string] => [one.id, deliveryText(one)]),
        ...rejected
          .filter((one) => before === undefined || one.id < before)
          .map((one): [string, string] => [one.id, rejectionText(one)]),
      ].toSorted(([a], [b]) => (a < b ? 1 : -1));
      const page = all.slice(0, limit);
      const next = all.length > limit ? page.at(-1)![0] : null;
      return json(object({ ok: true, next_before: next }, { deliveries: array(page.map(([, text]) => text)) }));
    },
  });
}

function oneRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/deliveries/{id}",
    name: "getDelivery",
    summary: "One delivery with everything it was looked at for: why it started a run, or why not.",
    access: "read",
    params: DeliveryParams,
    answers: {
      200: { description: "The delivery.", schema: z.object({ ok: z.literal(true), delivery: DeliveryShape }) },
    },
    async handle({ params }) {
      const kept = await deps.store.deliveries.get(params.id);
      const rejected = kept ? null : deps.webhooks.rejections.get(params.id);
      if (!kept && !rejected) throw unknown(params.id);
      return json(
        object(
          { ok: true },
          { delivery: kept ? deliveryText(kept) : rejectionText(rejected!, missesOf(deps, rejected!)) },
        ),
      );
    },
  });
}

function bodyRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/deliveries/{id}/body",
    name: "getDeliveryBody",
    summary: "The bytes as they came; of a rejected delivery at most the first 16 KiB.",
    access: "read",
    params: DeliveryParams,
    answers: { 200: { description: "The bytes.", type: "application/octet-stream" } },
    async handle({ params }) {
      const body = (await deps.store.deliveries.body(params.id)) ?? deps.webhooks.rejections.get(params.id)?.body;
      if (!body) throw unknown(params.id);
      // Never as what the sender said it was: a page must not run it.
      return answer(new Blob([new Uint8Array(body)]).stream(), "application/octet-stream");
    },
  });
}

const ReplayBody = z.object({
  new_run: z.boolean().optional().describe("Start another run, although the key has started one already."),
});

function replayRoute(deps: ApiDeps): Route {
  return route({
    method: "POST",
    path: "/api/workflows/deliveries/{id}/replay",
    name: "replayDelivery",
    summary: "Deliver a kept delivery again, with its bytes, as if it had just been verified.",
    access: "write",
    params: DeliveryParams,
    body: ReplayBody,
    answers: {
      200: {
        description: "The run it has started, or had started before.",
        schema: z.object({
          ok: z.literal(true),
          run_id: z.string(),
          task_id: z.string(),
          workflow_name: z.string(),
          status: z.literal("queued"),
          idempotent: z.boolean(),
        }),
      },
    },
    async handle({ params, body }) {
      const kept = await deps.store.deliveries.get(params.id);
      if (!kept) throw unknown(params.id);
      if (kept.outcome !== "accepted" || kept.taskId === null) {
        throw new ChironError("conflict", `delivery ${params.id} was ${kept.outcome} and started nothing`, {
          hint: "Only a delivery that started a run can be delivered again.",
        });
      }
      const found = await deps.store.reads.find(kept.taskId);
      if (!found) {
        throw new ChironError(
          "not_found",
          `the run of delivery ${params.id} has been deleted, and with it what it got`,
        );
      }
      const { taskId, runId, created } = await deps.engine.createRun({
        workflowName: kept.workflowName,
        input: found.task.input,
        cause: { kind: "webhook", ref: kept.id },
        ...(body.new_run ? {} : { idempotencyKey: kept.key! }),
      });
      const workflow_name = kept.workflowName;
      return json(
        object({ ok: true, run_id: runId, task_id: taskId, workflow_name, status: "queued", idempotent: !created }),
      );
    },
  });
}

function unknown(deliveryId: string): ChironError {
  return new ChironError("not_found", `delivery not found: ${deliveryId}`, {
    hint: "Deliveries are kept in a ring (webhooks.keep in chiron.toml); rejected ones until the process ends.",
  });
}

const STATUS = { accepted: 202, duplicate: 200, filtered: 200, handshake: 200 } as const;

function deliveryText(delivery: Delivery): string {
  const outcome = delivery.outcome === "accepted" && !delivery.created ? "duplicate" : delivery.outcome;
  return object(
    {
      delivery_id: delivery.id,
      slug: delivery.slug,
      workflow_name: delivery.workflowName,
      received_at: rfc3339(delivery.receivedAt),
      method: delivery.method,
      url: delivery.url,
      body_size: delivery.bodySize,
      body_sha256: delivery.bodySha256,
      source_ip: delivery.sourceIp,
      outcome,
      status: STATUS[outcome],
      key: delivery.key,
      task_id: delivery.taskId,
      same_body: delivery.sameBody,
    },
    { headers: delivery.headers, checks: delivery.checks },
  );
}

/** Looked for when somebody asks, not when it comes: a flood of deliveries that do not verify must stay cheap. */
function missesOf({ catalog, webhooks }: ApiDeps, { slug, signed, body, worldMs, checks }: Rejection): string[] {
  const hooks = catalog.current().webhooks;
  const hook = hooks.get(slug);
  if (!hook || signed === null || checks.at(-1)?.check !== "signature") return [];
  const { auth } = hook.spec;
  const named = [...hooks.values()].flatMap(({ spec }) => secretRefsOf(spec.auth));
  const earlier = secretRefsOf(auth).flatMap((name) => EARLIER.map((suffix) => name + suffix));
  const otherNames = [...new Set([...named, ...earlier])];
  return nearMisses({ auth, request: { ...signed, body }, nowMs: worldMs, secret: webhooks.secret, otherNames });
}

/** How people call the secret before this one. */
const EARLIER = ["_OLD", "_PREVIOUS", "_PREV", "_NEW", "_NEXT", "_2"];

function rejectionText(rejection: Rejection, misses?: readonly string[]): string {
  return object({
    delivery_id: rejection.id,
    slug: rejection.slug,
    workflow_name: null,
    received_at: rfc3339(rejection.receivedAt),
    method: rejection.method,
    url: rejection.url,
    headers: rejection.headers,
    body_size: rejection.bodySize,
    body_sha256: null,
    source_ip: rejection.sourceIp,
    outcome: "rejected",
    status: rejection.status,
    checks: rejection.checks,
    key: null,
    task_id: null,
    same_body: true,
    ...(misses ? { near_misses: misses } : {}),
  });
}
