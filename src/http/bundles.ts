// Bundles over the API: one task out, as a file; such a file in, as a record that never runs.
import { z } from "zod";
import { ChironError } from "../core/errors.ts";
import { isUuid } from "../core/ids.ts";
import { LARGEST_BUNDLE } from "../replay/bundle.ts";
import { ErrorAnswer } from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { answer, json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { RunParams } from "./schemas.ts";

export const BUNDLE_TYPE = "application/vnd.chiron.bundle+gzip";

const ExportQuery = z.object({
  data: z
    .enum(["redacted", "full"])
    .default("redacted")
    .describe("redacted: secrets and personal data are stand-ins. full: everything as it is."),
});

export const ImportAnswer = z.object({
  ok: z.literal(true),
  task_id: z.uuid(),
  run_id: z.uuid(),
  workflow_name: z.string(),
  status: z.string().describe("Here: ended, whatever it was."),
  original_status: z.string().describe("Where it came from."),
  redacted: z.boolean(),
});

// Rarely asked for: a start need not wait for their code.
const loadExport = async () => ({
  ...(await import("../replay/bundle-collect.ts")),
  ...(await import("../replay/bundle-redact.ts")),
  ...(await import("../replay/bundle-file.ts")),
});
const loadImport = async () => ({
  ...(await import("../replay/bundle-file.ts")),
  ...(await import("../replay/bundle-import.ts")),
});

export function bundleRoutes(deps: ApiDeps): Route[] {
  return [exportRoute(deps), importRoute(deps)];
}

function exportRoute({ store, clock, info, secrets }: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/runs/{id}/bundle",
    name: "exportRun",
    summary: "Everything on record of one task, as one file: for another machine, a report, a test.",
    access: "read",
    params: RunParams,
    query: ExportQuery,
    answers: { 200: { description: "The bundle.", type: BUNDLE_TYPE } },
    async handle({ params, query }) {
      const about = { chironVersion: info.version, now: clock.now() };
      const { collectBundle, redactBundle, encodeBundle } = await loadExport();
      const found = isUuid(params.id) ? await collectBundle(store, params.id.toLowerCase(), about) : null;
      if (!found) throw new ChironError("not_found", `workflow run not found: ${params.id}`);
      const bundle = query.data === "full" ? found : redactBundle(found, secrets ?? []);
      return answer(new Uint8Array(await encodeBundle(bundle)), BUNDLE_TYPE);
    },
  });
}

function importRoute({ store, clock }: ApiDeps): Route {
  return route({
    method: "POST",
    path: "/api/workflows/bundles",
    name: "importBundle",
    summary: "Take a bundle in. Its task is a record here: it ended, is never run, and its code is not run by this.",
    access: "write",
    answers: {
      200: { description: "Taken in.", schema: ImportAnswer },
      409: { description: "The task is here already.", schema: ErrorAnswer },
    },
    async handle({ request }) {
      const { decodeBundle, importBundle } = await loadImport();
      const bundle = await decodeBundle(await readFile(request));
      const { task, state, redacted } = await importBundle(store, bundle, clock.now());
      const { taskId, lastRunId, workflowName } = task;
      return json(
        JSON.stringify({
          ok: true,
          task_id: taskId,
          run_id: lastRunId,
          workflow_name: workflowName,
          status: task.state,
          original_status: state,
          redacted,
        }),
      );
    },
  });
}

/** The body, no further than a bundle may go. */
async function readFile({ headers, body }: Request): Promise<Buffer> {
  if (Number(headers.get("content-length") ?? 0) > LARGEST_BUNDLE) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > LARGEST_BUNDLE) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(): ChironError {
  return new ChironError("too_large", `the bundle is larger than ${LARGEST_BUNDLE} bytes`);
}
