// The API as one Hono app: every route behind the guard, every answer in the reference's shapes, every refusal in its envelope. The
// sockets are listen.ts's matter.
import { Hono } from "hono";
import { actionRoutes } from "./actions.ts";
import { bundleRoutes } from "./bundles.ts";
import { catalogRoutes } from "./catalog.ts";
import { CLOCK_HEADER, clockHeader, clockRoutes } from "./clock.ts";
import { deliveryRoutes } from "./deliveries.ts";
import type { ApiDeps, Bindings } from "./deps.ts";
import { envelope, errorResponse } from "./errors.ts";
import { eventRoutes } from "./events.ts";
import { explainRoutes } from "./explain.ts";
import { generationRoutes } from "./generations.ts";
import { forkRoutes } from "./forks.ts";
import { createGuard } from "./guard.ts";
import { handlerOf } from "./handler.ts";
import { healthRoutes } from "./health.ts";
import { Keys } from "./keys.ts";
import { liveRoutes } from "./live.ts";
import { metricRoutes } from "./metrics.ts";
import { openapiRoute } from "./openapi.ts";
import { outboxRoutes } from "./outbox.ts";
import { pageRoutes } from "./page.ts";
import { replayRoutes } from "./replays.ts";
import type { Route } from "./route.ts";
import { runDetailRoutes } from "./run-detail.ts";
import { runDiffRoutes } from "./run-diff.ts";
import { runRoutes } from "./runs.ts";
import { scheduleRoutes } from "./schedules.ts";
import { sessionRoutes } from "./session.ts";
import { Streams, type StreamLimits } from "./stream.ts";
import { toolRoutes } from "./tools.ts";
import { webhookEndpoint } from "./webhook-endpoint.ts";
import { webhooksRoute } from "./webhooks.ts";

export { listen, type Listening } from "./listen.ts";

const WEBHOOKS = "/api/webhooks/";

export type ApiApp = Hono<{ Bindings: Bindings }>;

export interface AppOptions {
  readonly streams?: StreamLimits;
  /** Only health and metrics: a process that works but does not serve the API. */
  readonly probesOnly?: boolean;
}

/** Every route of the API behind the guard. */
export function createApp(deps: ApiDeps, options: AppOptions = {}): ApiApp {
  const probes = [...healthRoutes(deps), ...metricRoutes(deps)];
  const keys = new Keys(deps.auth, deps.store.keys, deps.clock, deps.info.mode === "serve");
  const routes = options.probesOnly ? probes : routesOf(deps, new Streams(deps, options.streams), keys, probes);
  const guard = createGuard(deps.auth.hosts);
  // The name that senders use opens nothing but the webhooks.
  const hookGuard = createGuard([...deps.auth.hosts, ...hostsOf(deps.webhooks.publicUrl)]);
  const app: ApiApp = new Hono();
  app.use(async (context, next) => {
    (context.req.path.startsWith(WEBHOOKS) ? hookGuard : guard)(context.req.raw);
    await next();
    const moved = clockHeader(deps);
    if (moved !== null) context.header(CLOCK_HEADER, moved);
  });
  if (!options.probesOnly) app.all(`${WEBHOOKS}:slug`, webhookEndpoint(deps));
  for (const entry of routes) app.on(entry.method, honoPath(entry.path), handlerOf(entry, deps, keys));
  if (!options.probesOnly) {
    for (const page of pageRoutes(deps)) app.get(page.path, (context) => page.answer(context.req.raw));
  }
  app.notFound((context) => unrouted(routes, context.req.method, context.req.path));
  app.onError((error) => errorResponse(error, deps.bus));
  return app;
}

function hostsOf(publicUrl: string | null): string[] {
  return publicUrl === null ? [] : [new URL(publicUrl).host];
}

function routesOf(deps: ApiDeps, streams: Streams, keys: Keys, probes: readonly Route[]): Route[] {
  const routes = [
    ...runRoutes(deps),
    ...runDetailRoutes(deps),
    ...replayRoutes(deps),
    ...forkRoutes(deps),
    ...runDiffRoutes(deps),
    ...explainRoutes(deps),
    ...bundleRoutes(deps),
    ...liveRoutes(deps, streams),
    ...eventRoutes(deps),
    ...outboxRoutes(deps),
    ...actionRoutes(deps),
    ...catalogRoutes(deps),
    ...generationRoutes(deps),
    webhooksRoute(deps),
    ...deliveryRoutes(deps),
    ...toolRoutes(deps),
    ...clockRoutes(deps),
    ...scheduleRoutes(deps),
    ...sessionRoutes(deps, keys),
    ...probes,
  ];
  return [...routes, openapiRoute(deps, routes)];
}

function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ":$1");
}

/** 405 for a path that other methods have, else 404. */
function unrouted(routes: readonly Route[], method: string, path: string): Response {
  const allowed = routes.filter((entry) => fits(entry.path, path)).map((entry) => entry.method);
  if (allowed.length === 0) return envelope(404, "not_found", `there is no route ${method} ${path.slice(0, 200)}`);
  const allow = [...new Set(allowed.flatMap((name) => (name === "GET" ? ["GET", "HEAD"] : [name])))].join(", ");
  const message = `${method} is not allowed here`;
  return envelope(405, "method_not_allowed", message, `Use ${allow}.`, { allow });
}

function fits(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  return (
    wanted.length === given.length &&
    wanted.every((part, at) => (part.startsWith("{") ? given[at] !== "" : part === given[at]))
  );
}
