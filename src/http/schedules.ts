// Schedules: what is declared and how it stands, what became of its occurrences, and a person's hand on it: pause, resume, fire, backfill.
import type { CatalogView } from "../catalog/catalog.ts";
import type { ScheduleControl, SeenSchedule } from "../engine/schedules/contract.ts";
import { ErrorAnswer } from "./answers.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import * as shapes from "./schedule-shapes.ts";
import { rfc3339 } from "./wire.ts";

const NEXT_SHOWN = 5;

export interface ScheduleDeps {
  readonly catalog: CatalogView;
  readonly schedules: ScheduleControl;
}

export function scheduleRoutes(deps: ScheduleDeps): Route[] {
  return [
    listRoute(deps),
    getRoute(deps),
    occurrencesRoute(deps),
    ...(["pause", "resume"] as const).map((verb) => holdRoute(deps, verb)),
    fireRoute(deps),
    backfillRoute(deps),
  ];
}

const answer = (value: object): Response => json(JSON.stringify({ ok: true, ...value }));

function listRoute({ catalog, schedules }: ScheduleDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/schedules",
    name: "listSchedules",
    summary: "The schedules, when each fires next, and what became of its last occurrence.",
    access: "read",
    answers: { 200: { description: "The schedules.", schema: shapes.SchedulesAnswer } },
    async handle() {
      const { now, schedules: stored } = await schedules.list();
      const known = new Set(stored.map(({ scheduleId }) => scheduleId));
      const undeclared = [...catalog.current().schedules.values()].filter((entry) => !known.has(entry.scheduleId));
      const all = [...stored.map(shapes.scheduleFields), ...undeclared.map(shapes.undeclaredFields)];
      return answer({
        now: rfc3339(now),
        schedules: all.toSorted((a, b) => (a.schedule_id < b.schedule_id ? -1 : 1)),
      });
    },
  });
}

function shown({ schedules }: ScheduleDeps, { now, schedule }: SeenSchedule): Response {
  const next = schedule.state === "active" ? schedules.next(schedule, now, NEXT_SHOWN) : [];
  return answer({ now: rfc3339(now), schedule: shapes.scheduleFields(schedule), next: next.map(rfc3339) });
}

const NOT_FOUND = { description: "There is no schedule of this id.", schema: ErrorAnswer };

function getRoute(deps: ScheduleDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/schedules/{id}",
    name: "getSchedule",
    summary: "One schedule and its next times.",
    access: "read",
    params: shapes.ScheduleParams,
    answers: { 200: { description: "The schedule.", schema: shapes.ScheduleAnswer }, 404: NOT_FOUND },
    handle: async ({ params }) => shown(deps, await deps.schedules.get(params.id)),
  });
}

function occurrencesRoute({ schedules }: ScheduleDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/schedules/{id}/occurrences",
    name: "listOccurrences",
    summary: "What became of a schedule's occurrences, newest first.",
    access: "read",
    params: shapes.ScheduleParams,
    query: shapes.OccurrencesQuery,
    answers: { 200: { description: "One page.", schema: shapes.OccurrencesAnswer }, 404: NOT_FOUND },
    async handle({ params, query }) {
      const records = await schedules.occurrences({
        scheduleId: params.id,
        limit: query.limit + 1,
        ...(query.cursor === undefined ? {} : { before: query.cursor }),
        ...(query.outcome === undefined ? {} : { outcome: query.outcome }),
      });
      const page = records.slice(0, query.limit);
      const next = records.length > page.length ? page.at(-1)!.seq : null;
      return answer({ occurrences: page.map(shapes.occurrenceFields), next_cursor: next });
    },
  });
}

function holdRoute(deps: ScheduleDeps, verb: "pause" | "resume"): Route {
  const summary =
    verb === "pause"
      ? "Pause a schedule: its occurrences are skipped until it is resumed. A paused one stays paused."
      : "Resume a paused schedule; the occurrences of the pause are recorded as skipped.";
  return route({
    method: "POST",
    path: `/api/workflows/schedules/{id}/${verb}`,
    name: `${verb}Schedule`,
    summary,
    access: "write",
    params: shapes.ScheduleParams,
    answers: { 200: { description: "The schedule.", schema: shapes.ScheduleAnswer }, 404: NOT_FOUND },
    handle: async ({ params }) => shown(deps, await deps.schedules[verb](params.id)),
  });
}

function fireRoute({ schedules }: ScheduleDeps): Route {
  return route({
    method: "POST",
    path: "/api/workflows/schedules/{id}/fire",
    name: "fireSchedule",
    summary: "Start a schedule's workflow now, beside its occurrences.",
    access: "write",
    params: shapes.ScheduleParams,
    body: shapes.FireBody,
    answers: { 200: { description: "Queued.", schema: shapes.FireAnswer }, 404: NOT_FOUND },
    async handle({ params, body, raw }) {
      const input = body.input ? raw.get("input") : undefined;
      const fired = await schedules.fire(params.id, {
        ...(input === undefined ? {} : { input }),
        ...(body.idempotency_key ? { idempotencyKey: body.idempotency_key } : {}),
      });
      const { runId, taskId, created, fireKey } = fired;
      return answer({ run_id: runId, task_id: taskId, status: "queued", created, fire_key: fireKey });
    },
  });
}

function backfillRoute({ schedules }: ScheduleDeps): Route {
  return route({
    method: "POST",
    path: "/api/workflows/schedules/{id}/backfill",
    name: "backfillSchedule",
    summary: "Fire the occurrences of a past range that were never fired.",
    access: "write",
    params: shapes.ScheduleParams,
    body: shapes.BackfillBody,
    answers: { 200: { description: "What was fired.", schema: shapes.BackfillAnswer }, 404: NOT_FOUND },
    async handle({ params, body }) {
      const { from, to, limit, dry_run: dryRun } = body;
      const { occurrences, truncated } = await schedules.backfill(params.id, {
        fromMs: from,
        toMs: to,
        limit,
        dryRun,
      });
      return answer({
        dry_run: dryRun,
        from: rfc3339(from),
        to: rfc3339(to),
        truncated,
        occurrences: occurrences.map(({ at, fireKey, status, taskId }) => ({
          at: rfc3339(at),
          fire_key: fireKey,
          status,
          task_id: taskId,
        })),
      });
    },
  });
}
