// An API over a real store in memory and an engine that only enqueues: what the HTTP tests share.
import { REAL_CLOCK } from "../../adapters/node/real-clock.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { EMPTY_CATALOG, type Catalog, type CatalogView } from "../../src/catalog/catalog.ts";
import { Bus, type RuntimeEvent } from "../../src/core/bus.ts";
import { ChironError } from "../../src/core/errors.ts";
import { writeForkRef } from "../../src/core/fork-ref.ts";
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import { queueOf } from "../../src/core/queues.ts";
import type { CreateRun, Engine } from "../../src/engine/contract.ts";
import { createScheduleControl } from "../../src/engine/schedules/control.ts";
import { createApp, listen, type ApiApp, type AppOptions, type Listening } from "../../src/http/server.ts";
import type { ApiDeps } from "../../src/http/deps.ts";
import type { Store } from "../../src/ports/store.ts";
import type { ClaimedRun } from "../../src/ports/store-types.ts";
import type { z } from "zod";
import { expect } from "vitest";
import { Rejections } from "../../src/webhooks/rejections.ts";

export interface Api {
  readonly app: ApiApp;
  readonly deps: ApiDeps;
  readonly store: Store;
  readonly bus: Bus;
  readonly events: RuntimeEvent[];
  get(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Serves it on a free loopback port until the fixture closes. */
  listen(): Promise<Listening>;
  close(): Promise<void>;
}

export type Overrides = Partial<Omit<ApiDeps, "store" | "bus">> & {
  readonly store?: Partial<Store>;
  readonly options?: AppOptions;
};

export async function openApi(overrides: Overrides = {}): Promise<Api> {
  const { store: storeParts, options, ...rest } = overrides;
  const real = await openSqlite({ path: ":memory:", clock: REAL_CLOCK });
  const store: Store = { ...real, ...storeParts };
  const bus = new Bus();
  const events: RuntimeEvent[] = [];
  bus.subscribe((event) => events.push(event));
  const deps: ApiDeps = {
    store,
    engine: smallEngine(store),
    schedules: createScheduleControl({
      store,
      bus,
      maxAttempts: 5,
      serves: () => true,
      checkWorkflow: () => undefined,
      changed: () => undefined,
      poke: () => undefined,
      committed: () => undefined,
    }),
    catalog: fixedCatalog({ ...EMPTY_CATALOG, generation: "g1" }),
    bus,
    clock: REAL_CLOCK,
    webhooks: { secret: () => undefined, publicUrl: null, trustForwarded: false, rejections: new Rejections() },
    auth: { envKeys: [], loopbackOnly: true, hosts: [] },
    info: { version: "1.2.3", mode: "dev" },
    ready: () => ({ ok: true, reasons: [] }),
    ...rest,
  };
  const app = createApp(deps, options);
  const servers: Listening[] = [];
  return {
    app,
    deps,
    store,
    bus,
    events,
    get: async (path, init) => app.request(path, init),
    post: async (path, body, headers = { "content-type": "application/json" }) =>
      app.request(path, {
        method: "POST",
        headers,
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    async listen() {
      const server = await listen(app, { host: "127.0.0.1", port: 0, moveOn: false });
      servers.push(server);
      return server;
    },
    async close() {
      await Promise.all(servers.map((server) => server.close()));
      await real.admin.close();
    },
  };
}

export function fixedCatalog(catalog: Catalog): CatalogView {
  return { current: () => catalog, reload: async () => catalog };
}

/** Knows the workflows order, slack_sync and secret (which is not allowed). */
function smallEngine(store: Store): Engine {
  const find = async (id: string): Promise<TaskId> => {
    const found = await store.reads.find(id);
    if (!found) throw new ChironError("not_found", `workflow run not found: ${id}`);
    return found.task.taskId;
  };
  return {
    async createRun(request: CreateRun) {
      const { workflowName } = request;
      if (workflowName === "secret") throw new ChironError("workflow_disabled", "workflow secret is not allowed");
      if (workflowName !== "order" && workflowName !== "slack_sync") {
        throw new ChironError("unknown_workflow", `unknown workflow: ${workflowName}`, { hint: "Did you mean order?" });
      }
      const task = { maxAttempts: 5, ...request, queue: queueOf(workflowName) };
      return (await store.tasks.enqueue([task]))[0]!;
    },
    async cancel(id) {
      const answer = (await store.tasks.cancel([await find(id)]))[0]!;
      if (!answer.ok) throw new Error("unreachable: the task was found");
      return answer;
    },
    async retry(id) {
      const answer = (await store.tasks.retry([await find(id)]))[0]!;
      if (!answer.ok) throw new ChironError("conflict", `run ${id} has not failed`);
      return answer;
    },
    fork: async ({ source, before, edits, kept, effects }) => {
      const { taskId, queue, workflowName, input, maxAttempts } = source;
      const ref = writeForkRef({ taskId, effects, kept, edited: [...edits.keys()] });
      const task = { queue, workflowName, input, maxAttempts, cause: { kind: "fork", ref } } as const;
      const fork = { source: taskId, before, task, edits: [...edits].map(([name, value]) => ({ name, value })) };
      const answer = (await store.tasks.fork([fork]))[0]!;
      if (!answer.ok) throw new Error("unreachable: the task was found");
      return answer;
    },
    deliver: async (delivery, request) => {
      if (request && request.workflowName !== "order") {
        throw new ChironError("workflow_disabled", `workflow ${request.workflowName} is not allowed`);
      }
      const task = request && { maxAttempts: 5, ...request, queue: queueOf(request.workflowName) };
      return (await store.deliveries.record([{ ...delivery, task }]))[0]!;
    },
    emit: async (name, payload) => (await store.events.emit([{ name, payload }]))[0]!,
    activeRuns: () => 3,
  };
}

/** The body of an answer, held against its schema: nothing missing, nothing that the document does not name. */
export async function read<S extends z.ZodType>(response: Response, schema: S, status = 200): Promise<z.output<S>> {
  const text = await response.text();
  expect({ status: response.status, text }).toMatchObject({ status });
  expect(response.headers.get("content-type")).toBe("application/json");
  const body: unknown = JSON.parse(text);
  const parsed = schema.parse(body);
  expect(parsed).toEqual(body);
  return parsed;
}

export interface Created {
  readonly task_id: string;
  readonly run_id: string;
}

/** Starts a run of `order` through the API. */
export async function start(api: Api, body: Record<string, unknown> = {}): Promise<Created> {
  const response = await api.post("/api/workflows/runs", { workflow_name: "order", ...body });
  expect(response.status).toBe(200);
  return (await response.json()) as Created;
}

/** Claims the next due run of `order`. */
export async function claim(api: Api): Promise<ClaimedRun> {
  const request = { queue: "centaur_workflows", limit: 1, leaseMs: 60_000, owner: "test" };
  const run = (await api.store.claims.claim([request]))[0]?.[0];
  if (!run) throw new Error("nothing to claim");
  return run;
}

export const asJson = (text: string): JsonText => text as JsonText;
export const asTask = (id: string): TaskId => id as TaskId;
export const asRun = (id: string): RunId => id as RunId;
