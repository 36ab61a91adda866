// How two runs differ: GET /api/workflows/runs/{id}/diff?against=….
import { z } from "zod";
import { ChironError } from "../core/errors.ts";
import { isUuid } from "../core/ids.ts";
import type { RecordedRun } from "../replay/recorded-run.ts";
import type { DiffedStep, RunDiff } from "../replay/run-diff.ts";
import { Failure } from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { RunParams } from "./schemas.ts";

const Changes = z.object({
  changes: z.array(
    z.object({
      path: z.string().describe("`$` is the whole value."),
      kind: z.enum(["added", "removed", "changed"]),
      before: z.string().nullable().describe("A JSON text, cut where it is long."),
      after: z.string().nullable(),
    }),
  ),
  more: z.boolean().describe("More differ than are listed."),
});

const pairOf = <T extends z.ZodType>(type: T) => z.object({ a: type.nullable(), b: type.nullable() });

const Side = z.object({
  task_id: z.uuid(),
  run_id: z.uuid(),
  workflow_name: z.string(),
  attempt: z.int(),
  generation: z.string().nullable(),
});

export const RunDiffAnswer = z.object({
  ok: z.literal(true),
  a: Side,
  b: Side,
  equal: z.boolean().describe("The same input, steps, results and end. Timings and code do not count."),
  first_divergence: z
    .object({
      where: z.enum(["workflow", "input", "step", "end"]),
      step: z.int().nullable().describe("Index into steps."),
      message: z.string(),
    })
    .nullable(),
  input: Changes,
  steps: z.array(
    z.object({
      name: z.string(),
      other_name: z.string().nullable().describe("Its name in B, where the number of its use differs."),
      status: z.enum(["same", "changed", "only_a", "only_b", "moved"]),
      kind: pairOf(z.string()),
      duration_ms: pairOf(z.number()),
      at_ms: pairOf(z.number()).describe("When it was recorded, after the task was made."),
      position: pairOf(z.string()),
      ...Changes.shape,
    }),
  ),
  output: Changes,
  status: pairOf(z.string()),
  failure: pairOf(Failure),
  total_ms: pairOf(z.number()).describe("From an attempt's start to its end."),
  code: z
    .array(z.object({ path: z.string(), change: z.enum(["added", "removed", "changed"]) }))
    .nullable()
    .describe("Files that differ, below the workflow folders; null: the code of one of them is not kept."),
});

const DiffQuery = z.object({
  against: z.string().max(256).describe("Task or run id of the other one."),
});

export function runDiffRoutes(deps: ApiDeps): Route[] {
  return [diffRoute(deps)];
}

function diffRoute({ store }: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/runs/{id}/diff",
    name: "diffRuns",
    summary: "How this run (A) and another one (B) differ: input, steps side by side, end, timings, code.",
    access: "read",
    params: RunParams,
    query: DiffQuery,
    answers: { 200: { description: "The differences.", schema: RunDiffAnswer } },
    async handle({ params, query }) {
      const [a, b] = await Promise.all([recordedRun(store, params.id), recordedRun(store, query.against)]);
      const { diffRuns } = await import("../replay/run-diff.ts");
      return json(JSON.stringify(wireDiff(a, b, diffRuns(a, b))));
    },
  });
}

/** Throws ChironError not_found. */
async function recordedRun(store: ApiDeps["store"], id: string): Promise<RecordedRun> {
  const { readRecordedRun } = await import("../replay/recorded-run.ts");
  const recorded = isUuid(id) ? await readRecordedRun(store, id.toLowerCase()) : null;
  if (recorded) return recorded;
  throw new ChironError("not_found", `workflow run not found: ${id}`);
}

function wireDiff(a: RecordedRun, b: RecordedRun, diff: RunDiff): object {
  return {
    ok: true,
    a: side(a),
    b: side(b),
    equal: diff.equal,
    first_divergence: diff.first,
    input: diff.input,
    steps: diff.steps.map(wireStep),
    output: diff.output,
    status: both(diff.states),
    failure: both(diff.failures),
    total_ms: both(diff.totals),
    code: diff.code,
  };
}

function side({ task, run }: RecordedRun): object {
  const { taskId, workflowName } = task;
  const { runId, attempt, generation } = run;
  return { task_id: taskId, run_id: runId, workflow_name: workflowName, attempt, generation };
}

function wireStep({ name, otherName, status, kinds, durations, at, positions, diff }: DiffedStep): object {
  return {
    name,
    other_name: otherName,
    status,
    kind: both(kinds),
    duration_ms: both(durations),
    at_ms: both(at),
    position: both(positions),
    ...diff,
  };
}

function both<T>([a, b]: readonly [T, T]): { readonly a: T; readonly b: T } {
  return { a, b };
}
