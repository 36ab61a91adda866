// The words of replays: what a request for one may say, and the shapes of answers.
import { z } from "zod";
import { CODE_CHOICES } from "../replay/replays.ts";
import { EFFECT_POLICIES, STEP_POLICIES } from "../replay/session.ts";
import { STATES } from "../core/states.ts";
import { Failure } from "./answers.ts";

const values = z.record(z.string(), z.unknown());

/** A recorded step: its name, or its number as `#3` or 3. */
export const StepRef = z.union([z.string().min(1).max(1_024), z.int().min(1)]).transform(String);

export const ReplayBody = z.object({
  code: z.enum(CODE_CHOICES).default("current").describe("current: what serves now. original: what ran it last."),
  steps: z.enum(STEP_POLICIES).default("stop").describe("What happens at a step that is not recorded."),
  effects: z.enum(EFFECT_POLICIES).default("recorded").describe("How calls to agents, tools and Slack are answered."),
  from: StepRef.nullish().describe("What is recorded from this step on is set aside: its name, or its number."),
  input: z.unknown().optional().describe("Another input."),
  set: values.nullish().describe("Other results of recorded steps, by name or number."),
  stubs: values.nullish().describe("Outcomes of steps that are not recorded, by name; steps must not be `stop`."),
});

const entry = z.object({
  name: z.string(),
  kind: z.string(),
  fate: z.enum(["kept", "edited", "redone", "new", "skipped"]),
  seq: z.int().nullable().describe("In the record; null: it is not there."),
  position: z.string().nullable().describe("`path:line` of the call in the code that was tried."),
  recorded_position: z.string().nullable(),
});

export const DivergenceShape = z.object({
  reason: z.enum(["kind", "new", "skipped", "wait", "result", "error"]),
  name: z.string().nullable(),
  position: z.string().nullable(),
  message: z.string(),
});

export const ReplayAnswer = z.object({
  ok: z.literal(true),
  task_id: z.uuid(),
  run_id: z.uuid(),
  workflow_name: z.string(),
  generation: z.string().describe("The code that was tried."),
  plan: z.array(entry).describe("In the order in which the handler came to them; those it passed over last."),
  divergence: DivergenceShape.nullable().describe("Where the code first leaves the record."),
  end: z.object({
    kind: z.enum(["result", "error", "stands", "call", "blocked", "lost"]),
    message: z.string().nullable(),
    at: z.array(z.string()).describe("Steps and waits at which the handler stands."),
    failure: Failure.nullable(),
    value: z.unknown(),
  }),
  logs: z.array(z.object({ level: z.string(), source: z.string(), message: z.string() })),
});

export const ReplaysBody = z.object({
  workflow_name: z.string().max(256).nullish().describe("Only runs of this workflow."),
  unfinished: z.boolean().default(false).describe("Only runs that have not ended."),
  last: z.int().min(1).max(10_000).default(1_000).describe("The newest so many."),
});

export const ReplaysAnswer = z.object({
  ok: z.literal(true),
  checked: z.int(),
  follows: z.int(),
  diverged: z.int(),
  unclear: z.int(),
  ms: z.number(),
  runs: z
    .array(
      z.object({
        task_id: z.uuid(),
        run_id: z.uuid(),
        workflow_name: z.string(),
        status: z.enum(STATES),
        outcome: z.enum(["diverged", "unclear"]),
        divergence: DivergenceShape.nullable(),
        message: z.string().nullable(),
      }),
    )
    .describe("Those that do not follow their record."),
});
