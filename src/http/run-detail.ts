// What belongs to one task: its checkpoints and waits, children, attempts and log lines.
import type { RunId } from "../core/ids.ts";
import * as answers from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { findRun, pageOf } from "./runs.ts";
import { ChildrenQuery, LogQuery, RunParams } from "./schemas.ts";
import { array, attempt, checkpoint, logLine, object, wait } from "./wire.ts";

export function runDetailRoutes(deps: ApiDeps): Route[] {
  return [checkpointsRoute(deps), childrenRoute(deps), attemptsRoute(deps), logsRoute(deps)];
}

function checkpointsRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/runs/{id}/checkpoints",
    name: "listCheckpoints",
    summary: "What a task has recorded, in order, and what it waits for now.",
    access: "read",
    params: RunParams,
    answers: { 200: { description: "Checkpoints and waits.", schema: answers.CheckpointsAnswer } },
    async handle({ params }) {
      const { taskId, cause } = (await findRun(deps, params.id)).task;
      const [checkpoints, waits] = await Promise.all([
        deps.store.reads.checkpoints(taskId),
        deps.store.reads.waits(taskId),
      ]);
      const raw = {
        checkpoints: array(checkpoints.map((one) => checkpoint(one, cause))),
        waits: array(waits.map(wait)),
      };
      return json(object({ ok: true, task_id: taskId }, raw));
    },
  });
}

function childrenRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/runs/{id}/children",
    name: "listChildren",
    summary: "The tasks that a task has started, newest first.",
    access: "read",
    params: RunParams,
    query: ChildrenQuery,
    answers: { 200: { description: "One page.", schema: answers.ChildrenAnswer } },
    async handle({ params, query }) {
      const { taskId } = (await findRun(deps, params.id)).task;
      const before = query.cursor ? { before: query.cursor } : {};
      const { runs, nextCursor } = await pageOf(deps, { parentTaskId: taskId, limit: query.limit, ...before });
      return json(object({ ok: true, next_cursor: nextCursor }, { children: runs }));
    },
  });
}

function attemptsRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/runs/{id}/attempts",
    name: "listAttempts",
    summary: "All runs of a task, with how each ended.",
    access: "read",
    params: RunParams,
    answers: { 200: { description: "The attempts.", schema: answers.AttemptsAnswer } },
    async handle({ params }) {
      const { taskId } = (await findRun(deps, params.id)).task;
      const runs = await deps.store.reads.runs(taskId);
      return json(object({ ok: true, task_id: taskId }, { attempts: array(runs.map(attempt)) }));
    },
  });
}

function logsRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/runs/{id}/logs",
    name: "listLogs",
    summary: "Log lines of a task, oldest first.",
    access: "read",
    params: RunParams,
    query: LogQuery,
    answers: { 200: { description: "One page.", schema: answers.LogsAnswer } },
    async handle({ params, query }) {
      const { taskId } = (await findRun(deps, params.id)).task;
      const lines = await deps.store.logs.list(taskId, {
        limit: query.limit,
        ...(query.after === undefined ? {} : { after: query.after }),
        ...(query.run_id ? { runId: query.run_id as string as RunId } : {}),
      });
      const nextAfter = lines.at(-1)?.id ?? query.after ?? null;
      return json(object({ ok: true, task_id: taskId, next_after: nextAfter }, { logs: array(lines.map(logLine)) }));
    },
  });
}
