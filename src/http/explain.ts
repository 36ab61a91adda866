// Why a task does not go on, or how it ended: GET /api/workflows/runs/{id}/explain.
import { z } from "zod";
import { nearest } from "../core/nearest.ts";
import type { QueueName } from "../core/queues.ts";
import { BUILTIN_NAMES } from "../engine/builtins.ts";
import type { Surroundings } from "../replay/explain-facts.ts";
import type { Task } from "../ports/store-types.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { findRun } from "./runs.ts";
import { RunParams } from "./schemas.ts";

export const ExplainAnswer = z.object({
  ok: z.literal(true),
  task_id: z.uuid(),
  run_id: z.uuid(),
  workflow_name: z.string(),
  status: z.string(),
  summary: z.string().describe("The first finding's message."),
  findings: z.array(
    z.object({
      kind: z.string().describe("Stable, for programs; the message is for a person."),
      message: z.string(),
      hint: z.string().nullable(),
    }),
  ),
  next: z.array(z.object({ command: z.string(), effect: z.string() })).describe("What can be done."),
});

export function explainRoutes(deps: ApiDeps): Route[] {
  return [explainRoute(deps)];
}

function explainRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/runs/{id}/explain",
    name: "explainRun",
    summary: "What a task waits for and what nearly woke it, or how it ended, and what can be done.",
    access: "read",
    params: RunParams,
    answers: { 200: { description: "The reasons, the first one first.", schema: ExplainAnswer } },
    async handle({ params }) {
      const found = await findRun(deps, params.id);
      // Rarely asked for: a start need not wait for their code.
      const { readExplainFacts } = await import("../replay/explain-facts.ts");
      const { explain } = await import("../replay/explain.ts");
      const facts = await readExplainFacts(deps.store, deps.clock, found, surroundings(deps, found.task));
      const { taskId, workflowName, state, lastRunId } = facts.task;
      const head = { ok: true, task_id: taskId, run_id: lastRunId, workflow_name: workflowName, status: state };
      return json(JSON.stringify({ ...head, ...explain(facts) }));
    },
  });
}

/** The largest number of problems of other files that an answer names. */
const MOST_PROBLEMS = 3;

function surroundings({ catalog, limits, info, time, clock }: ApiDeps, task: Task): Surroundings {
  const { workflows, problems, loadedAt } = catalog.current();
  const { workflowName } = task;
  const errors = problems.filter(({ severity }) => severity === "error");
  // A file that does not load at all cannot say which workflows it has.
  const named = errors.filter((problem) => problem.workflowName === workflowName);
  const likely = named.length > 0 ? named : errors.filter((problem) => problem.workflowName === undefined);
  const now = clock.now();
  return {
    mode: info.mode,
    workflow:
      loadedAt === 0
        ? null
        : {
            loaded: workflows.has(workflowName) || BUILTIN_NAMES.has(workflowName),
            problems: likely
              .slice(0, MOST_PROBLEMS)
              .map(({ path, line, message }) => `${path}${line === null ? "" : `:${line}`}: ${message}`),
            alike: nearest(workflowName, workflows.keys()),
          },
    allowed: limits?.allows(workflowName) ?? true,
    concurrency: limits?.concurrency[task.queue as QueueName] ?? null,
    leaseMs: limits?.leaseMs ?? 0,
    renewMs: limits?.renewMs ?? 0,
    clock: time?.reading() ?? { mode: "real", nowMs: now, realMs: now },
  };
}
