// The shapes of answers, for the OpenAPI document and for the tests, which hold every answer against its schema.
import { z } from "zod";
import { STATES } from "../core/states.ts";
import { DeclaredSchedule } from "./schedule-shapes.ts";

const ok = z.literal(true);
const id = z.uuid();
const time = z.iso.datetime();
const value = z.unknown();
const status = z.enum(STATES);

export const Failure = z.object({
  name: z.string(),
  message: z.string(),
  traceback: z.string().optional(),
  crash: z.string().optional(),
});

const Cause = z.object({
  kind: z.string(),
  ref: z.string().optional().describe("A parent's or source's task id, a delivery's id, a schedule's fire …"),
  effects: z.string().optional().describe("Of a fork: how its calls are answered."),
  kept: z.int().optional().describe("Of a fork: how many checkpoints it began with."),
});

export const WorkflowRun = z.object({
  run_id: id,
  task_id: id,
  workflow_name: z.string(),
  status: status.describe("State of the task."),
  input: value,
  result: z
    .object({ workflow_name: z.string(), run_id: id, task_id: id, steps: z.array(z.string()), output: value })
    .nullable(),
  failure: Failure.nullable().describe("How this attempt ended, when it failed."),
  attempts: z.int(),
  created_at: time,
  updated_at: time,
  attempt: z.int(),
  max_attempts: z.int(),
  queue: z.string(),
  cause: Cause,
  parent_task_id: id.nullable(),
  idempotency_key: z.string().nullable(),
  harness_type: z.string().nullable(),
  wake_at: time.nullable().describe("When a sleeping or pending task goes on by itself; null: by an event, or now."),
  started_at: time.nullable(),
  finished_at: time.nullable(),
  generation: z.string().nullable().describe("The version of the code that last ran this attempt."),
  pinned_generation: z.string().nullable().describe("The version that the task's first attempt began on."),
});

export const ErrorAnswer = z.object({
  ok: z.literal(false),
  error: z.string(),
  code: z.string(),
  hint: z.string().optional(),
});

export const CreateAnswer = z.object({
  ok,
  run_id: id,
  task_id: id,
  status: z.literal("queued"),
  created: z.boolean(),
});
export const RunAnswer = z.object({ ok, run: WorkflowRun });
export const ListAnswer = z.object({ ok, runs: z.array(WorkflowRun), next_cursor: id.nullable() });
export const ChildrenAnswer = z.object({ ok, children: z.array(WorkflowRun), next_cursor: id.nullable() });
export const CancelAnswer = z.object({ ok, run_id: id, task_id: id, status, changed: z.boolean() });
export const RetryAnswer = z.object({ ok, run_id: id, task_id: id, status: z.literal("queued"), attempt: z.int() });
export const EmitAnswer = z.object({ ok, event_name: z.string(), first: z.boolean(), woken: z.int() });

export const CheckpointsAnswer = z.object({
  ok,
  task_id: id,
  checkpoints: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(["step", "sleep", "event", "task", "timeout"]),
      seq: z.int(),
      value,
      size: z.int().describe("Bytes of the value's JSON."),
      duration_ms: z.number(),
      position: z.string().nullable(),
      attempt: z.int(),
      run_id: id,
      created_at: time,
      origin: z
        .enum(["recorded", "forked", "edited"])
        .describe("forked: taken over from the task it was forked from; edited: with another value."),
    }),
  ),
  waits: z.array(
    z.object({
      step: z.string(),
      kind: z.enum(["sleep", "event", "task"]),
      target: z.string().nullable(),
      event_type: z.string().nullable(),
      correlation_id: z.string().nullable(),
      deadline_at: time.nullable(),
      created_at: time,
    }),
  ),
});

export const AttemptsAnswer = z.object({
  ok,
  task_id: id,
  attempts: z.array(
    z.object({
      run_id: id,
      attempt: z.int(),
      status,
      failure: Failure.nullable(),
      wake_at: time.nullable(),
      created_at: time,
      started_at: time.nullable(),
      finished_at: time.nullable(),
      generation: z.string().nullable(),
    }),
  ),
});

export const LogsAnswer = z.object({
  ok,
  task_id: id,
  logs: z.array(
    z.object({
      id: z.int(),
      run_id: id,
      at: time,
      level: z.enum(["debug", "info", "warn", "error"]),
      source: z.enum(["log", "stdout", "stderr", "chiron"]),
      message: z.string(),
      fields: value,
    }),
  ),
  next_after: z.int().nullable().describe("Send as `after` for what came later; null before the first line."),
});

export const CatalogAnswer = z.object({
  ok,
  generation: z.string(),
  loaded_at: time.nullable(),
  load_ms: z.number(),
  workflows: z.array(
    z.object({
      workflow_name: z.string(),
      description: z.string().nullable(),
      source_path: z.string(),
      current: z.boolean().describe("False while an older version serves because the file's text does not load."),
      generation: z.string(),
      principal: z.union([z.literal(true), z.string(), z.null()]),
      input_schema: value.describe("JSON Schema of the Input dataclass, or null."),
    }),
  ),
  problems: z.array(
    z.object({
      path: z.string(),
      line: z.int().nullable(),
      kind: z.string(),
      message: z.string(),
      severity: z.enum(["error", "warning"]),
      traceback: z.string().nullable(),
      workflow_name: z.string().nullable(),
    }),
  ),
  webhooks: z.array(
    z.object({ slug: z.string(), provider: z.string().nullable(), workflow_name: z.string(), source_path: z.string() }),
  ),
  schedules: z.array(DeclaredSchedule),
});

export const HealthAnswer = z.object({
  ok,
  version: z.string(),
  mode: z.string(),
  clock_offset_ms: z.number().optional().describe("Only while the clock of a dev engine is moved."),
});
export const ReadyAnswer = z.object({ ok });
export const NotReadyAnswer = ErrorAnswer.extend({ reasons: z.array(z.string()) });
