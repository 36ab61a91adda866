// The catalog, the probes, the metrics and the OpenAPI document.
import { afterEach, expect, test } from "vitest";
import { EMPTY_CATALOG, type Catalog, type ScheduleEntry, type ServedWorkflow } from "../../src/catalog/catalog.ts";
import { ChironError } from "../../src/core/errors.ts";
import * as answers from "../../src/http/answers.ts";
import { SchedulesAnswer } from "../../src/http/schedule-shapes.ts";
import type { GenerationHost } from "../../src/ports/host.ts";
import { asJson, fixedCatalog, openApi, read, start, type Api, type Overrides } from "./http-fixture.ts";

const SPEC = {
  slug: "pay",
  provider: "acme",
  auth: {
    type: "hmac",
    secret_ref: "S3",
    signature_header: "X-Sig",
    algorithm: "sha256",
    signature_prefix: "",
    encoding: "hex",
  },
  trigger_key: null,
  allowed_methods: ["POST"],
  allowed_content_types: ["application/json"],
  filter: null,
} as const;

let api: Api;
const open = async (overrides: Overrides = {}): Promise<void> => {
  api = await openApi(overrides);
};
afterEach(() => api.close());

const host = { generation: { id: "g7" } } as GenerationHost;
const served: ServedWorkflow = {
  workflowName: "order",
  sourcePath: "/w/order.py",
  webhooks: [],
  schedule: null,
  principal: null,
  inputSchema: asJson('{"type":"object","x":1.0}'),
  description: "Takes an order.",
  host,
  current: true,
};
const declared = {
  workflowName: "order",
  sourcePath: "/w/order.py",
  timezone: "UTC",
  input: { n: 1 },
  noDelivery: true,
  catchup: "latest",
  catchupLimit: 100,
  catchupWindowSeconds: 86_400,
  overlap: "allow",
  jitterSeconds: 0,
  queue: null,
  maxAttempts: null,
} as const;
const daily: ScheduleEntry = {
  ...declared,
  scheduleId: "daily",
  kind: { type: "cron", cron: "0 9 * * *" },
  enabled: true,
};
const minutely: ScheduleEntry = {
  ...declared,
  scheduleId: "a",
  kind: { type: "interval", interval_seconds: 60 },
  enabled: false,
};
const CATALOG: Catalog = {
  generation: "g8",
  workflows: new Map([
    ["zoo", { ...served, workflowName: "zoo", current: false, inputSchema: null }],
    ["order", served],
  ]),
  webhooks: new Map([
    ["pay", { slug: "pay", provider: "acme", workflowName: "order", sourcePath: "/w/order.py", spec: SPEC }],
  ]),
  schedules: new Map([
    ["daily", daily],
    ["a", minutely],
  ]),
  problems: [{ path: "/w/bad.py", line: 3, kind: "syntax", message: "no", severity: "error", traceback: "…" }],
  tools: new Map(),
  files: new Map(),
  loadedAt: Date.UTC(2030, 0, 1),
  loadMs: 41,
};

test("the catalog shows workflows, problems, webhooks and schedules, and no webhook's spec", async () => {
  await open({ catalog: fixedCatalog(CATALOG) });
  const response = await api.get("/api/workflows");
  const text = await response.clone().text();
  expect(text).toContain('"input_schema":{"type":"object","x":1.0}');
  expect(text).not.toContain("s3");
  const answer = await read(response, answers.CatalogAnswer);
  expect(answer).toMatchObject({ generation: "g8", load_ms: 41, loaded_at: "2030-01-01T00:00:00.000Z" });
  expect(answer.workflows).toMatchObject([
    { workflow_name: "order", current: true, generation: "g7", description: "Takes an order." },
    { workflow_name: "zoo", current: false, input_schema: null },
  ]);
  expect(answer.problems).toMatchObject([{ path: "/w/bad.py", line: 3, kind: "syntax", severity: "error" }]);
  expect(answer.webhooks).toMatchObject([{ slug: "pay", provider: "acme" }]);
});

test("schedules have the reference's shape", async () => {
  await open({ catalog: fixedCatalog(CATALOG) });
  const answer = await read(await api.get("/api/workflows/schedules"), SchedulesAnswer);
  expect(answer.schedules).toMatchObject([
    {
      schedule_id: "a",
      workflow_name: "order",
      source_path: "/w/order.py",
      kind: { type: "interval", interval_seconds: 60 },
      timezone: "UTC",
      input: { n: 1 },
      enabled: false,
      no_delivery: true,
    },
    { schedule_id: "daily", kind: { type: "cron", cron: "0 9 * * *" }, state: "undeclared", next_at: null },
  ]);
});

test("a reload answers the new catalog, or 503 when no code came back", async () => {
  await open({ catalog: { current: () => EMPTY_CATALOG, reload: async () => CATALOG } });
  const answer = await read(await api.post("/api/workflows/reload"), answers.CatalogAnswer);
  expect(answer.generation).toBe("g8");
  await api.close();
  const failing = () => Promise.reject(new ChironError("host_failed", "Python ended", { hint: "See the log." }));
  await open({ catalog: { current: () => EMPTY_CATALOG, reload: failing } });
  const failed = await read(await api.post("/api/workflows/reload"), answers.ErrorAnswer, 503);
  expect(failed).toMatchObject({ error: "Python ended", code: "host_failed", hint: "See the log." });
});

test("health says that the process is up, and readiness what it waits for", async () => {
  await open();
  expect(await read(await api.get("/healthz"), answers.HealthAnswer)).toMatchObject({ version: "1.2.3", mode: "dev" });
  await read(await api.get("/readyz"), answers.ReadyAnswer);
  await api.close();
  const fault = new ChironError("store_full", "the disk of /secret/place is full");
  await open({
    catalog: fixedCatalog(EMPTY_CATALOG),
    ready: () => ({ ok: false, reasons: ["starting"] }),
    store: { admin: { ...api.store.admin, ping: () => Promise.reject(fault) } },
  });
  const answer = await read(await api.get("/readyz"), answers.NotReadyAnswer, 503);
  expect(answer.reasons).toEqual([
    "starting",
    "the store cannot commit: store_full",
    "no workflow code has been loaded yet",
  ]);
  expect((await api.get("/healthz")).status).toBe(200);
});

test("a burst of readiness probes asks the store once", async () => {
  let pings = 0;
  const still = { now: () => 0, monotonic: () => 0, sleep: async () => {}, soon: () => {} };
  await open({ clock: still });
  const store = { ...api.store, admin: { ...api.store.admin, ping: async () => void (pings += 1) } };
  await api.close();
  await open({ clock: still, store: { admin: store.admin } });
  await Promise.all(Array.from({ length: 20 }, () => api.get("/readyz")));
  expect(pings).toBe(1);
});

test("metrics count tasks by queue, state and workflow, ends of runs, and the process", async () => {
  await open();
  await start(api);
  await start(api);
  const ids = { taskId: "t", runId: "r" };
  api.bus.publish({ type: "run.completed", ...ids, workflowName: 'o"\n', attempt: 1 });
  api.bus.publish({ type: "run.cancelled", ...ids });
  const failed = { type: "run.failed", ...ids, workflowName: "order", attempt: 1, name: "E", message: "m" } as const;
  api.bus.publish({ ...failed, nextAttemptAt: 1 });
  api.bus.publish({ ...failed, nextAttemptAt: null });
  const response = await api.get("/metrics");
  expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  const text = await response.text();
  expect(text).toContain('workflow_runs{queue="centaur_workflows",state="pending",workflow="order"} 2\n');
  expect(text).toContain('workflow_runs_total{workflow="o\\"\\n",state="completed"} 1\n');
  expect(text).toContain('workflow_runs_total{workflow="order",state="retried"} 1\n');
  expect(text).toContain('workflow_runs_total{workflow="order",state="failed"} 1\n');
  expect(text).toContain("workflow_active_runs 3\n");
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  for (const line of text.trimEnd().split("\n")) expect(line).toMatch(/^(#|[a-z_]+(\{.*\})? [\d.e+-]+$)/);
});

test("metrics tell how late runs start, how long steps take and what reloads bring", async () => {
  await open();
  const ids = { taskId: "t", runId: "r" };
  api.bus.publish({ type: "run.step", ...ids, step: "s", durationMs: 3 });
  api.bus.publish({ type: "run.step", ...ids, step: "s", durationMs: 2_000_000 });
  api.bus.publish({
    type: "run.started",
    ...ids,
    workflowName: "order",
    queue: "q",
    attempt: 1,
    generation: "g",
    delayMs: 40,
  });
  api.bus.publish({ type: "host.ended", pid: 1, reason: "was ended by SIGSEGV" });
  api.bus.publish({ type: "host.ended", pid: 2, reason: "" });
  const text = await (await api.get("/metrics")).text();
  expect(text).toContain('chiron_step_seconds_bucket{le="0.001"} 0\nchiron_step_seconds_bucket{le="0.005"} 1\n');
  expect(text).toContain('chiron_step_seconds_bucket{le="600"} 1\nchiron_step_seconds_bucket{le="+Inf"} 2\n');
  expect(text).toContain("chiron_step_seconds_sum 2000.003\nchiron_step_seconds_count 2\n");
  expect(text).toContain("chiron_start_delay_seconds_sum 0.04\n");
  expect(text).toContain("chiron_host_crashes_total 1\n");
  expect(text).toContain("# TYPE chiron_commit_calls histogram\n");
  expect(text).toContain('chiron_claim_runs_bucket{le="+Inf"} 0\n');
  expect(text).toContain('chiron_queue_oldest_due_seconds{queue="centaur_workflows"} 0\n');
  // Nobody claims in this test: what is started stays due.
  await start(api);
  const waited = /chiron_queue_oldest_due_seconds\{queue="centaur_workflows"\} (\S+)/;
  await expect.poll(async () => Number(waited.exec(await (await api.get("/metrics")).text())?.[1])).toBeGreaterThan(0);
});

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>;
  readonly components: { readonly schemas: Record<string, unknown> };
}

test("the OpenAPI document names every route, and all its references resolve", async () => {
  await open();
  const document = (await (await api.get("/api/openapi.json")).json()) as Document;
  expect(document.openapi).toBe("3.1.0");
  expect(Object.keys(document.paths).toSorted()).toMatchInlineSnapshot(`
    [
      "/api/clock",
      "/api/events",
      "/api/openapi.json",
      "/api/outbox",
      "/api/outbox/{id}",
      "/api/outbox/{id}/click",
      "/api/session",
      "/api/session/login",
      "/api/session/logout",
      "/api/workflows",
      "/api/workflows/actions/invoke",
      "/api/workflows/bundles",
      "/api/workflows/deliveries",
      "/api/workflows/deliveries/{id}",
      "/api/workflows/deliveries/{id}/body",
      "/api/workflows/deliveries/{id}/replay",
      "/api/workflows/events",
      "/api/workflows/generations",
      "/api/workflows/generations/{id}",
      "/api/workflows/generations/{id}/source",
      "/api/workflows/reload",
      "/api/workflows/replays",
      "/api/workflows/runs",
      "/api/workflows/runs/{id}",
      "/api/workflows/runs/{id}/attempts",
      "/api/workflows/runs/{id}/bundle",
      "/api/workflows/runs/{id}/cancel",
      "/api/workflows/runs/{id}/checkpoints",
      "/api/workflows/runs/{id}/children",
      "/api/workflows/runs/{id}/diff",
      "/api/workflows/runs/{id}/effects",
      "/api/workflows/runs/{id}/events",
      "/api/workflows/runs/{id}/explain",
      "/api/workflows/runs/{id}/fork",
      "/api/workflows/runs/{id}/logs",
      "/api/workflows/runs/{id}/replay",
      "/api/workflows/runs/{id}/retry",
      "/api/workflows/schedules",
      "/api/workflows/schedules/{id}",
      "/api/workflows/schedules/{id}/backfill",
      "/api/workflows/schedules/{id}/fire",
      "/api/workflows/schedules/{id}/occurrences",
      "/api/workflows/schedules/{id}/pause",
      "/api/workflows/schedules/{id}/resume",
      "/api/workflows/tools",
      "/api/workflows/tools/{tool}/{method}",
      "/api/workflows/webhooks",
      "/healthz",
      "/metrics",
      "/readyz",
    ]
  `);
  const text = JSON.stringify(document);
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1]!);
  expect(references.filter((name) => !(name in document.components.schemas))).toEqual([]);
  expect(text).not.toContain('"$id"');
  const create = document.paths["/api/workflows/runs"]!["post"]!;
  expect(create.operationId).toBe("createRun");
  expect(Object.keys(create.responses)).toEqual(["200", "400", "401", "403", "404", "413", "415", "500", "503"]);
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of Object.keys(methods)) {
      const response = await api.app.request(path.replace("{id}", "none"), { method: method.toUpperCase() });
      await response.body?.cancel();
      expect(response.status, path).not.toBe(405);
    }
  }
});
