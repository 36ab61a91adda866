// The endpoint's bounds: so many deliveries at a time, so much time for a sender, and what the engine refuses.
import { once } from "node:events";
import net from "node:net";
import { Hono } from "hono";
import { expect, test } from "vitest";
import { ChironError } from "../../src/core/errors.ts";
import type { ApiDeps } from "../../src/http/deps.ts";
import { listen } from "../../src/http/listen.ts";
import { webhookEndpoint } from "../../src/http/webhook-endpoint.ts";
import type { Recorded } from "../../src/ports/store-deliveries.ts";
import { Rejections } from "../../src/webhooks/rejections.ts";
import type { WebhookSpec } from "../../src/webhooks/spec.ts";

const MAX_IN_FLIGHT = 2_000;
const SPEC: WebhookSpec = {
  slug: "hook",
  provider: null,
  auth: { type: "none" },
  trigger_key: null,
  allowed_methods: ["POST"],
  allowed_content_types: ["application/json"],
  filter: { source: "body", key: "a", op: "equals", value: "wanted" },
};

function appWith(deliver: () => Promise<Recorded>): Hono {
  const deps = {
    catalog: { current: () => ({ webhooks: new Map([["hook", { workflowName: "flow", spec: SPEC }]]) }) },
    webhooks: { secret: () => undefined, publicUrl: null, trustForwarded: false, rejections: new Rejections() },
    clock: { now: () => Date.now() },
    engine: { deliver },
    bus: { publish: () => undefined },
  } as unknown as ApiDeps;
  const app = new Hono();
  app.all("/api/webhooks/:slug", webhookEndpoint(deps) as never);
  return app;
}

const post = async (app: Hono, body: string): Promise<Response> =>
  app.request("/api/webhooks/hook", { method: "POST", body, headers: { "content-type": "application/json" } });
const STARTED: Recorded = {
  enqueued: { taskId: "t", runId: "r", attempt: 1, created: true } as unknown as NonNullable<Recorded["enqueued"]>,
  sameBody: true,
};

test("a delivery too many is 503 with Retry-After, and the next one is taken when there is room", async () => {
  const commit = Promise.withResolvers<Recorded>();
  const app = appWith(() => commit.promise);
  const waiting = Array.from({ length: MAX_IN_FLIGHT }, () => post(app, '{"a":"wanted"}'));
  const refused = await post(app, '{"a":"other"}');
  expect(refused.status).toBe(503);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await refused.json()).toMatchObject({ ok: false, error: "too many deliveries at once" });
  commit.resolve(STARTED);
  expect(new Set((await Promise.all(waiting)).map(({ status }) => status))).toEqual(new Set([202]));
  expect((await post(app, '{"a":"wanted"}')).status).toBe(202);
});

test("a workflow that may not run is 403, but only for what its filter wants", async () => {
  let asked = 0;
  const app = appWith(async () => {
    asked += 1;
    if (asked === 1) return { enqueued: null, sameBody: true };
    throw new ChironError("workflow_disabled", "workflow flow is not allowed");
  });
  expect(await (await post(app, '{"a":"other"}')).json()).toEqual({ ok: true, filtered: true });
  expect((await post(app, '{"a":"wanted"}')).status).toBe(403);
});

test("a store that cannot commit is 503 with Retry-After: the sender comes again", async () => {
  const app = appWith(() => Promise.reject(new ChironError("store_full", "the disk is full")));
  const answer = await post(app, '{"a":"wanted"}');
  expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
});

test("a sender that does not finish is told so and let go, and holds nobody else up", async () => {
  const app = appWith(async () => STARTED);
  const server = await listen(app as never, { host: "127.0.0.1", port: 0, moveOn: false, requestMs: 300 });
  try {
    const slow = net.connect(server.port, "127.0.0.1");
    let said = "";
    slow.on("data", (chunk) => (said += String(chunk)));
    slow.write(
      "POST /api/webhooks/hook HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
    );
    const quick = await fetch(`${server.url}/api/webhooks/hook`, {
      method: "POST",
      body: '{"a":"wanted"}',
      headers: { "content-type": "application/json" },
    });
    expect(quick.status).toBe(202);
    await once(slow, "close");
    expect(said).toMatch(/^HTTP\/1\.1 408 /);
  } finally {
    await server.close();
  }
});
