// Runs as a collection: create, list, get, cancel, retry.
import { ChironError } from "../core/errors.ts";
import { isUuid } from "../core/ids.ts";
import type { Run, Task, TaskFilter } from "../ports/store-types.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { CreateBody, ListQuery, RetryQuery, RunParams } from "./schemas.ts";
import { array, createdRun, member, object, workflowRun } from "./wire.ts";

/** Sent by the command line, so that a task tells a person's command from a program's call. */
const CLIENT_HEADER = "x-chiron-client";

export function runRoutes(deps: ApiDeps): Route[] {
  return [createRoute(deps), listRoute(deps), getRoute(deps), cancelRoute(deps), retryRoute(deps)];
}

/** The id as the store spells it; throws not_found for what cannot be one (decision D14). */
export function knownId(id: string): string {
  if (!isUuid(id)) throw notFound(id);
  return id.toLowerCase();
}

/** The task and the run of this id: the run asked for, or the newest one of the task asked for. */
export async function findRun(deps: ApiDeps, id: string): Promise<{ readonly task: Task; readonly run: Run }> {
  const found = await deps.store.reads.find(knownId(id));
  if (!found) throw notFound(id);
  return found;
}

function notFound(id: string): ChironError {
  return new ChironError("not_found", `workflow run not found: ${id}`);
}

/** One page of runs as raw texts, and the cursor of the next page. */
export async function pageOf(
  deps: ApiDeps,
  filter: TaskFilter,
): Promise<{ readonly runs: string; readonly nextCursor: string | null }> {
  const rows = await deps.store.reads.list({ ...filter, limit: filter.limit + 1 });
  const page = rows.slice(0, filter.limit);
  const nextCursor = rows.length > page.length ? page.at(-1)!.task.taskId : null;
  return { runs: array(page.map(workflowRun)), nextCursor };
}

function createRoute({ engine }: ApiDeps): Route {
  return route({
    method: "POST",
    path: "/api/workflows/runs",
    name: "createRun",
    summary: "Start a workflow. Durable when it answers.",
    access: "write",
    body: CreateBody,
    answers: {
      200: {
        description: "Queued, or the task that the idempotency key started before.",
        schema: answers.CreateAnswer,
      },
    },
    async handle({ body, raw, request }) {
      const created = await engine.createRun({
        workflowName: body.workflow_name.trim(),
        input: member(raw, "input"),
        cause: { kind: request.headers.get(CLIENT_HEADER) === "cli" ? "cli" : "api" },
        ...(body.idempotency_key ? { idempotencyKey: body.idempotency_key } : {}),
        ...(body.harness_type ? { harnessType: body.harness_type } : {}),
        ...(body.max_attempts ? { maxAttempts: body.max_attempts } : {}),
        ...(body.strict_input ? { strictInput: true } : {}),
      });
      return json(createdRun(created));
    },
  });
}

function listRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/runs",
    name: "listRuns",
    summary: "Tasks, newest first, each with its newest run.",
    access: "read",
    query: ListQuery,
    answers: { 200: { description: "One page.", schema: answers.ListAnswer } },
    async handle({ query }) {
      const { runs, nextCursor } = await pageOf(deps, {
        limit: query.limit,
        ...(query.workflow_name ? { workflowName: query.workflow_name } : {}),
        ...(query.status?.length ? { states: query.status } : {}),
        ...(query.parent_task_id ? { parentTaskId: query.parent_task_id } : {}),
        ...(query.cursor ? { before: query.cursor } : {}),
      });
      return json(object({ ok: true, next_cursor: nextCursor }, { runs }));
    },
  });
}

function getRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/runs/{id}",
    name: "getRun",
    summary: "One task, seen through the attempt asked for.",
    access: "read",
    params: RunParams,
    answers: { 200: { description: "The run.", schema: answers.RunAnswer } },
    async handle({ params }) {
      return json(object({ ok: true }, { run: workflowRun(await findRun(deps, params.id)) }));
    },
  });
}

function cancelRoute({ engine }: ApiDeps): Route {
  return route({
    method: "POST",
    path: "/api/workflows/runs/{id}/cancel",
    name: "cancelRun",
    summary: "Cancel a task. A finished one stays as it is.",
    access: "write",
    params: RunParams,
    answers: { 200: { description: "Cancelled, or finished before.", schema: answers.CancelAnswer } },
    async handle({ params }) {
      const { taskId, runId, changed, state } = await engine.cancel(knownId(params.id));
      return json(object({ ok: true, run_id: runId, task_id: taskId, status: state, changed }));
    },
  });
}

function retryRoute({ engine }: ApiDeps): Route {
  return route({
    method: "POST",
    path: "/api/workflows/runs/{id}/retry",
    name: "retryRun",
    summary: "Give a failed task one more attempt; its checkpoints are kept.",
    access: "write",
    params: RunParams,
    query: RetryQuery,
    answers: {
      200: { description: "The new attempt.", schema: answers.RetryAnswer },
      409: { description: "The task has not failed.", schema: answers.ErrorAnswer },
    },
    async handle({ params, query }) {
      const { taskId, runId, attempt } = await engine.retry(knownId(params.id), query);
      return json(object({ ok: true, run_id: runId, task_id: taskId, status: "queued", attempt }));
    },
  });
}
