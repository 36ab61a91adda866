// The code that runs ran on: which generations are kept, what they consist of, and the text of their files as it was then.
import { ChironError } from "../core/errors.ts";
import type { GenerationUse, StoredGeneration } from "../ports/store-code.ts";
import type { ApiDeps } from "./deps.ts";
import {
  GenerationAnswer,
  GenerationParams,
  GenerationsAnswer,
  GenerationsQuery,
  SourceQuery,
} from "./generation-shapes.ts";
import { answer, json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { rfc3339 } from "./wire.ts";

export function generationRoutes(deps: ApiDeps): Route[] {
  return [listRoute(deps), detailRoute(deps), sourceRoute(deps)];
}

function listRoute({ store, catalog }: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/generations",
    name: "listGenerations",
    summary: "The generations of code that are kept, newest first, with what uses them.",
    access: "read",
    query: GenerationsQuery,
    answers: { 200: { description: "The generations.", schema: GenerationsAnswer } },
    async handle({ query }) {
      const serving = servingIds(catalog);
      const generations = (await store.code.list(query.limit)).map((use) => ({
        ...about(use, serving),
        files: use.files,
        workflows: use.workflows,
        runs: use.runs,
        unfinished: use.unfinished,
      }));
      return json(JSON.stringify({ ok: true, generations }));
    },
  });
}

function detailRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/generations/{id}",
    name: "getGeneration",
    summary: "One generation: its folders, its files by path with their SHA-256, and its workflows.",
    access: "read",
    params: GenerationParams,
    answers: { 200: { description: "The generation.", schema: GenerationAnswer } },
    async handle({ params }) {
      const kept = await find(deps, params.id);
      const { dirs, workflows } = kept;
      const files = Object.entries(kept.files)
        .map(([path, sha256]) => ({ path, sha256 }))
        .toSorted((a, b) => (a.path < b.path ? -1 : 1));
      return json(
        JSON.stringify({ ok: true, generation: { ...about(kept, servingIds(deps.catalog)), dirs, files, workflows } }),
      );
    },
  });
}

function sourceRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/generations/{id}/source",
    name: "getSource",
    summary: "The text of one file of a generation.",
    access: "read",
    params: GenerationParams,
    query: SourceQuery,
    answers: { 200: { description: "The text.", type: "text/plain; charset=utf-8" } },
    async handle({ params, query }) {
      const kept = await find(deps, params.id);
      const sha256 = Object.hasOwn(kept.files, query.path) ? kept.files[query.path]! : null;
      const [source] = sha256 === null ? [] : await deps.store.code.sources([sha256]);
      if (!source) {
        throw new ChironError("not_found", `generation ${params.id} has no file ${query.path}`, {
          hint: "Its files are at /api/workflows/generations/{id}.",
        });
      }
      return answer(Buffer.from(source.content).toString("utf8"), "text/plain; charset=utf-8");
    },
  });
}

async function find({ store }: ApiDeps, id: string): Promise<StoredGeneration> {
  const kept = id.includes("\0") ? null : await store.code.get(id);
  if (kept) return kept;
  throw new ChironError("not_found", `generation ${id} is not kept`, {
    hint: "Code is kept while tasks that ran on it are; see /api/workflows/generations.",
  });
}

function servingIds(catalog: ApiDeps["catalog"]): ReadonlySet<string> {
  const { generation, workflows } = catalog.current();
  return new Set([generation, ...[...workflows.values()].map(({ host }) => host.generation.id)]);
}

function about(kept: GenerationUse | StoredGeneration, serving: ReadonlySet<string>): object {
  return {
    id: kept.id,
    chiron_version: kept.chironVersion,
    python_version: kept.pythonVersion,
    first_served_at: rfc3339(kept.firstServedAt),
    last_served_at: rfc3339(kept.lastServedAt),
    serving: serving.has(kept.id),
  };
}
