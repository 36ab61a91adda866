// The outbox: what runs reached outside, newest first, one call in full, and the calls of one task by how real they were.
import { z } from "zod";
import { ChironError } from "../core/errors.ts";
import { isUuid, type RunId, type TaskId } from "../core/ids.ts";
import { EFFECT_KINDS, EFFECT_STATES, type Effect, type EffectFilter } from "../ports/store-effects.ts";
import type { ApiDeps } from "./deps.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { findRun } from "./runs.ts";
import { RunParams } from "./schemas.ts";
import { array, object, rfc3339, rfc3339OrNull } from "./wire.ts";

const NATURES = ["real", "stubbed", "recorded"] as const;
const MOST = 200;

const id = z
  .string()
  .refine(isUuid, "must be an id")
  .meta({ format: "uuid" })
  .transform((text) => text.toLowerCase());

const limit = z.coerce
  .number()
  .int()
  .transform((count) => Math.min(MOST, Math.max(1, count)))
  .default(50)
  .describe(`How many to answer: 50 when absent, brought into 1 to ${MOST}.`);

const PageQuery = z.object({
  limit,
  kind: z.enum(EFFECT_KINDS).optional(),
  nature: z
    .enum(NATURES)
    .optional()
    .describe("real: the service was asked. stubbed: nothing left. recorded: an earlier answer was given."),
  state: z.enum(EFFECT_STATES).optional(),
  before: id.optional().describe("Only effects older than this one: `next_before` of the page before."),
});

const OutboxQuery = PageQuery.extend({
  run_id: z
    .string()
    .max(256)
    .optional()
    .describe("Only effects of this task (a task id) or of this attempt (a run id)."),
  task_id: z.string().max(256).optional().describe("Only effects of this task."),
});

export const OutboxEffect = z.object({
  id: z.uuid(),
  task_id: z.uuid(),
  run_id: z.uuid(),
  workflow_name: z.string(),
  kind: z.enum(EFFECT_KINDS),
  call: z.string().describe("For example ctx.post_to_slack."),
  target: z.string().nullable().describe("A channel, tool.method, a harness."),
  ordinal: z.string().describe("Tells calls of one kind in a task apart; equal on every replay."),
  key: z.string().nullable().describe("The idempotency key that goes out with the call."),
  nature: z.enum(NATURES),
  by: z.string().describe("Who answered."),
  state: z.enum(EFFECT_STATES),
  started_at: z.iso.datetime(),
  finished_at: z.iso.datetime().nullable(),
  duration_ms: z.number().nullable(),
  error: z.string().nullable(),
  request: z
    .unknown()
    .describe("What was sent. {$omitted} in a list: too long for it; {$cut}: too long to be kept; null: not kept."),
  answer: z.unknown(),
});
const Counts = z.object({ real: z.int(), stubbed: z.int(), recorded: z.int() });
export const OutboxAnswer = z.object({
  ok: z.literal(true),
  effects: z.array(OutboxEffect),
  next_before: z.uuid().nullable(),
});
export const EffectAnswer = z.object({
  ok: z.literal(true),
  effect: OutboxEffect.extend({
    progress: z.array(z.string()).nullable().describe("What a long call said before its answer."),
  }),
});
export const RunEffectsAnswer = z.object({
  ok: z.literal(true),
  task_id: z.uuid(),
  counts: Counts.describe("Of this page."),
  effects: z.array(OutboxEffect),
  next_before: z.uuid().nullable(),
});

export function outboxRoutes(deps: ApiDeps): Route[] {
  return [listRoute(deps), getRoute(deps), runRoute(deps)];
}

/** The effect of this id. Throws not_found. */
export async function findEffect({ store }: ApiDeps, text: string): Promise<Effect> {
  const effect = isUuid(text) ? await store.effects.get(text.toLowerCase()) : null;
  if (effect) return effect;
  throw new ChironError("not_found", `there is no effect ${text.slice(0, 100)} in the outbox`, {
    hint: "The outbox keeps a bounded number of effects for a bounded time.",
  });
}

function listRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/outbox",
    name: "listOutbox",
    summary: "What runs reached outside: messages, tool calls, agent turns. Newest first.",
    access: "read",
    query: OutboxQuery,
    answers: { 200: { description: "One page.", schema: OutboxAnswer } },
    async handle({ query }) {
      const { run_id, task_id, ...page } = query;
      const whose = { ...(await ofRun(deps, run_id)), ...(task_id ? { taskId: await taskOf(deps, task_id) } : {}) };
      const { effects, nextBefore } = await pageOf(deps, { ...filterOf(page), ...whose });
      return json(object({ ok: true, next_before: nextBefore }, { effects: array(effects.map(wireEffect)) }));
    },
  });
}

function getRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/outbox/{id}",
    name: "getEffect",
    summary: "One call with everything that was sent and came back.",
    access: "read",
    params: z.object({ id: z.string().max(256) }),
    answers: { 200: { description: "The effect.", schema: EffectAnswer } },
    async handle({ params }) {
      const effect = await findEffect(deps, params.id);
      const raw = `${wireEffect(effect).slice(0, -1)},"progress":${effect.progress ?? "null"}}`;
      return json(object({ ok: true }, { effect: raw }));
    },
  });
}

function runRoute(deps: ApiDeps): Route {
  return route({
    method: "GET",
    path: "/api/workflows/runs/{id}/effects",
    name: "listEffects",
    summary: "What one task reached outside, newest first, and how much of it was real.",
    access: "read",
    params: RunParams,
    query: PageQuery,
    answers: { 200: { description: "One page.", schema: RunEffectsAnswer } },
    async handle({ params, query }) {
      const { taskId } = (await findRun(deps, params.id)).task;
      const { effects, nextBefore } = await pageOf(deps, { ...filterOf(query), taskId });
      const count = (nature: string): number => effects.filter((effect) => effect.nature === nature).length;
      const counts = Object.fromEntries(NATURES.map((nature) => [nature, count(nature)]));
      const plain = { ok: true, task_id: taskId, counts, next_before: nextBefore };
      return json(object(plain, { effects: array(effects.map(wireEffect)) }));
    },
  });
}

type Page = z.output<typeof PageQuery>;

function filterOf({ limit: most, kind, nature, state, before }: Page): EffectFilter {
  return {
    limit: most,
    ...(kind ? { kind } : {}),
    ...(nature ? { nature } : {}),
    ...(state ? { state } : {}),
    ...(before ? { before } : {}),
  };
}

async function pageOf({ store }: ApiDeps, filter: EffectFilter) {
  const rows = await store.effects.list({ ...filter, limit: filter.limit + 1 });
  const effects = rows.slice(0, filter.limit);
  return { effects, nextBefore: rows.length > effects.length ? effects.at(-1)!.id : null };
}

async function taskOf(deps: ApiDeps, text: string): Promise<TaskId> {
  return (await findRun(deps, text)).task.taskId;
}

/** A task's id stands for all of its attempts. */
async function ofRun(deps: ApiDeps, text: string | undefined): Promise<Pick<EffectFilter, "taskId" | "runId">> {
  if (text === undefined) return {};
  const { taskId } = (await findRun(deps, text)).task;
  return text.toLowerCase() === taskId ? { taskId } : { taskId, runId: text.toLowerCase() as RunId };
}

function wireEffect(effect: Effect): string {
  const { startedAt, finishedAt } = effect;
  return object(
    {
      id: effect.id,
      task_id: effect.taskId,
      run_id: effect.runId,
      workflow_name: effect.workflowName,
      kind: effect.kind,
      call: effect.callType,
      target: effect.target,
      ordinal: effect.ordinal,
      key: effect.key,
      nature: effect.nature,
      by: effect.by,
      state: effect.state,
      started_at: rfc3339(startedAt),
      finished_at: rfc3339OrNull(finishedAt),
      duration_ms: finishedAt === null ? null : Math.max(0, finishedAt - startedAt),
      error: effect.error,
    },
    { request: effect.request, answer: effect.answer },
  );
}
