// What the workflow folders declare now, with everything that could not be loaded (decision D12), and the order to look again.
// A webhook's spec stays inside: it may hold what only its verifier should see.
import type { Catalog, ServedWorkflow, WebhookEntry } from "../catalog/catalog.ts";
import type { Problem } from "../ports/host.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { declaredFields } from "./schedule-shapes.ts";
import { array, object, rfc3339 } from "./wire.ts";

export function catalogRoutes({ catalog }: ApiDeps): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/workflows",
      name: "getCatalog",
      summary: "Workflows, webhooks, schedules, and what is wrong with the files.",
      access: "read",
      answers: { 200: { description: "The catalog.", schema: answers.CatalogAnswer } },
      handle: () => json(catalogText(catalog.current())),
    }),
    route({
      method: "POST",
      path: "/api/workflows/reload",
      name: "reloadCatalog",
      summary: "Load the workflow folders anew; answers when the result serves.",
      access: "admin",
      answers: { 200: { description: "The new catalog.", schema: answers.CatalogAnswer } },
      handle: async () => json(catalogText(await catalog.reload())),
    }),
  ];
}

function catalogText(catalog: Catalog): string {
  return object(
    {
      ok: true,
      generation: catalog.generation,
      loaded_at: catalog.generation === "" ? null : rfc3339(catalog.loadedAt),
      load_ms: catalog.loadMs,
      problems: catalog.problems.map(problem),
      webhooks: byKey(catalog.webhooks).map(webhook),
      schedules: byKey(catalog.schedules).map(declaredFields),
    },
    { workflows: array(byKey(catalog.workflows).map(workflow)) },
  );
}

function byKey<T>(entries: ReadonlyMap<string, T>): T[] {
  return [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}

function workflow(entry: ServedWorkflow): string {
  return object(
    {
      workflow_name: entry.workflowName,
      description: entry.description,
      source_path: entry.sourcePath,
      current: entry.current,
      generation: entry.host.generation.id,
      principal: entry.principal,
    },
    { input_schema: entry.inputSchema },
  );
}

function problem(entry: Problem): object {
  return {
    path: entry.path,
    line: entry.line,
    kind: entry.kind,
    message: entry.message,
    severity: entry.severity,
    traceback: entry.traceback ?? null,
    workflow_name: entry.workflowName ?? null,
  };
}

function webhook({ slug, provider, workflowName, sourcePath }: WebhookEntry): object {
  return { slug, provider, workflow_name: workflowName, source_path: sourcePath };
}
