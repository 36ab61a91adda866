// The webhook endpoint on a port, alone: `store` records every delivery and its task in a SQLite file before it answers, `none` answers at
// once. Nothing works on the tasks. Says its port on the first line; ends with its standard input.
import path from "node:path";
import { REAL_CLOCK as clock } from "../../adapters/node/real-clock.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { Hono } from "hono";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { ApiDeps } from "../../src/http/deps.ts";
import { listen } from "../../src/http/listen.ts";
import { webhookEndpoint } from "../../src/http/webhook-endpoint.ts";
import type { NewDelivery, Recorded } from "../../src/ports/store-deliveries.ts";
import { Rejections } from "../../src/webhooks/rejections.ts";
import type { WebhookSpec } from "../../src/webhooks/spec.ts";
import { BENCH_SECRET, BENCH_SLUG } from "./hook-load.ts";

const SPEC: WebhookSpec = {
  slug: BENCH_SLUG,
  provider: null,
  auth: { type: "github", secret_ref: "BENCH" },
  trigger_key: { type: "header", header: "X-GitHub-Delivery" },
  allowed_methods: ["POST"],
  allowed_content_types: ["application/json"],
  filter: null,
};
const NOWHERE: Recorded = {
  enqueued: { taskId: "none" as TaskId, runId: "none" as RunId, attempt: 1, created: true },
  sameBody: true,
};

const [mode, dir] = process.argv.slice(2);
const store =
  mode === "store" ? await openSqlite({ path: path.join(dir!, "hooks.db"), clock, synchronous: "full" }) : null;

type Deliver = ApiDeps["engine"]["deliver"];

const deliver: Deliver = async (delivery, request) => {
  if (store === null || request === null) return NOWHERE;
  const task: NewDelivery["task"] = {
    queue: "centaur_workflows",
    workflowName: request.workflowName,
    input: request.input,
    maxAttempts: 5,
    cause: { kind: "webhook", ref: delivery.id },
    ...(request.idempotencyKey === undefined ? {} : { idempotencyKey: request.idempotencyKey }),
  };
  return (await store.deliveries.record([{ ...delivery, task }]))[0]!;
};

const deps = {
  catalog: { current: () => ({ webhooks: new Map([[BENCH_SLUG, { workflowName: "bench_hook", spec: SPEC }]]) }) },
  webhooks: { secret: () => BENCH_SECRET, publicUrl: null, trustForwarded: false, rejections: new Rejections() },
  clock,
  engine: { deliver },
  bus: { publish: () => undefined },
} as unknown as ApiDeps;
const app = new Hono();
app.all("/api/webhooks/:slug", webhookEndpoint(deps) as never);
const server = await listen(app as never, { host: "127.0.0.1", port: 0, moveOn: false });
process.stdout.write(`${server.port}\n`);
process.stdin.resume();
process.stdin.once("end", async () => {
  await server.close();
  await store?.admin.close();
});
