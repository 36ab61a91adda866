// The words of schedules in requests and answers: the reference's fields (reference behaviour, section 5.1) and what we add to them.
import { z } from "zod";
import type { Occurrence, ScheduleDefinition, StoredSchedule } from "../ports/store-schedules.ts";
import { SKIP_REASONS } from "../ports/store-schedules.ts";
import { rfc3339, rfc3339OrNull } from "./wire.ts";

const ok = z.literal(true);
const time = z.iso.datetime();

/** As a file declares it. */
export const DeclaredSchedule = z.object({
  schedule_id: z.string(),
  workflow_name: z.string(),
  source_path: z.string(),
  kind: z.union([
    z.object({ type: z.literal("interval"), interval_seconds: z.number() }),
    z.object({ type: z.literal("cron"), cron: z.string() }),
  ]),
  timezone: z.string(),
  input: z.record(z.string(), z.unknown()),
  enabled: z.boolean(),
  no_delivery: z.boolean(),
  catchup: z.enum(["latest", "skip", "all"]),
  catchup_limit: z.int().describe('Most occurrences that "all" makes up for.'),
  catchup_window_seconds: z.int().describe('How far back "all" makes up for.'),
  overlap: z.enum(["allow", "skip", "queue"]),
  jitter_seconds: z.number(),
  queue: z.string().nullable().describe("Null: where the workflow's name belongs."),
  max_attempts: z.int().nullable().describe("Null: the engine's default."),
});

export const ScheduleOccurrence = z.object({
  id: z.int().describe("Rises; the cursor of the list."),
  at: time,
  to: time.describe("The last of several that were skipped for one reason; else equal to at."),
  count: z.int().nullable().describe("How many it stands for; null: too many to be counted."),
  source: z.enum(["schedule", "manual", "backfill"]),
  outcome: z.enum(["fired", "held", "skipped"]),
  reason: z.enum(SKIP_REASONS).nullable().describe("Why it was skipped."),
  fire_key: z.string().nullable(),
  task_id: z.uuid().nullable(),
  accounted_at: time,
});

export const Schedule = DeclaredSchedule.extend({
  state: z
    .enum(["active", "disabled", "removed", "undeclared"])
    .describe("undeclared: read from the files here, not in the store yet."),
  paused: z.boolean(),
  paused_at: time.nullable(),
  next_at: time.nullable().describe("The next occurrence; null: there is none, or the schedule is not active."),
  due_at: time.nullable().describe("When that occurrence starts: next_at and its jitter."),
  accounted_to: time.nullable().describe("Every occurrence up to here is fired or skipped on record."),
  revision: z.int().describe("Rises with every new definition; 0: not in the store yet."),
  held: z.int().describe("Occurrences that wait for the end of the task before them."),
  running: z.int().describe("Unfinished tasks that the overlap rule looks at."),
  last: ScheduleOccurrence.nullable().describe("The newest record."),
});

export const SchedulesAnswer = z.object({
  ok,
  now: time.describe("The time of the store's clock, by which schedules fire."),
  schedules: z.array(Schedule),
});
export const ScheduleAnswer = z.object({ ok, now: time, schedule: Schedule, next: z.array(time) });
export const OccurrencesAnswer = z.object({
  ok,
  occurrences: z.array(ScheduleOccurrence),
  next_cursor: z.int().nullable(),
});
export const FireAnswer = z.object({
  ok,
  run_id: z.uuid(),
  task_id: z.uuid(),
  status: z.literal("queued"),
  created: z.boolean(),
  fire_key: z.string(),
});
export const BackfillAnswer = z.object({
  ok,
  dry_run: z.boolean(),
  from: time,
  to: time,
  truncated: z
    .boolean()
    .describe("More occurrences were in the range than the limit allows; the newest were left out."),
  occurrences: z.array(
    z.object({
      at: time,
      fire_key: z.string(),
      status: z
        .enum(["fired", "held", "exists", "planned"])
        .describe(
          "held: starts when the task before it has ended; exists: its task was started before; planned: dry run.",
        ),
      task_id: z.uuid().nullable(),
    }),
  ),
});

const instant = (what: string) =>
  z.iso
    .datetime({ offset: true, local: false, error: "must be a time with its offset, such as 2026-03-01T09:00:00Z" })
    .transform((text) => Date.parse(text))
    .describe(what);

export const ScheduleParams = z.object({ id: z.string().max(256).describe("A schedule's id.") });
export const OccurrencesQuery = z.object({
  limit: z.coerce
    .number()
    .int()
    .transform((limit) => Math.min(1_000, Math.max(1, limit)))
    .default(50)
    .describe("How many to answer: 50 when absent, brought into 1 to 1000."),
  cursor: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe("Only records older than this: next_cursor of the page before."),
  outcome: z.enum(["fired", "held", "skipped"]).optional(),
});
export const FireBody = z.object({
  input: z.record(z.string(), z.unknown()).nullish().describe("Fields that win over those of the schedule's input."),
  idempotency_key: z.string().min(1).max(512).nullish().describe("Fires at most once per schedule, for ever."),
});
export const BackfillBody = z.object({
  from: instant("First time of the range."),
  to: instant("End of the range, itself not in it; not in the future."),
  limit: z.int().min(1).max(1_000).default(100).describe("Most occurrences: 100 when absent."),
  dry_run: z.boolean().default(false).describe("Only tell what would be fired."),
});

export function declaredFields(entry: ScheduleDefinition): z.input<typeof DeclaredSchedule> {
  return {
    schedule_id: entry.scheduleId,
    workflow_name: entry.workflowName,
    source_path: entry.sourcePath,
    kind: entry.kind,
    timezone: entry.timezone,
    input: entry.input,
    enabled: entry.enabled,
    no_delivery: entry.noDelivery,
    catchup: entry.catchup,
    catchup_limit: entry.catchupLimit,
    catchup_window_seconds: entry.catchupWindowSeconds,
    overlap: entry.overlap,
    jitter_seconds: entry.jitterSeconds,
    queue: entry.queue,
    max_attempts: entry.maxAttempts,
  };
}

export function scheduleFields(schedule: StoredSchedule): z.input<typeof Schedule> {
  const { state, pausedAt, accountedTo, revision, held, running, last } = schedule;
  const shown = state === "active";
  return {
    ...declaredFields(schedule.definition),
    state,
    paused: pausedAt !== null,
    paused_at: rfc3339OrNull(pausedAt),
    next_at: shown ? rfc3339OrNull(schedule.nextAt) : null,
    due_at: shown ? rfc3339OrNull(schedule.dueAt) : null,
    accounted_to: rfc3339(accountedTo),
    revision,
    held,
    running,
    last: last && occurrenceFields(last),
  };
}

/** One that the files declare and that no scheduler has taken into the store. */
export function undeclaredFields(entry: ScheduleDefinition): z.input<typeof Schedule> {
  return {
    ...declaredFields(entry),
    state: "undeclared",
    paused: false,
    paused_at: null,
    next_at: null,
    due_at: null,
    accounted_to: null,
    revision: 0,
    held: 0,
    running: 0,
    last: null,
  };
}

export function occurrenceFields(record: Occurrence): z.input<typeof ScheduleOccurrence> {
  return {
    id: record.seq,
    at: rfc3339(record.at),
    to: rfc3339(record.to),
    count: record.count,
    source: record.source,
    outcome: record.outcome,
    reason: record.reason,
    fire_key: record.fireKey,
    task_id: record.taskId,
    accounted_at: rfc3339(record.accountedAt),
  };
}
