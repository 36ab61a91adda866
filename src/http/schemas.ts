// The words of requests: each schema both checks what comes in and is printed in the OpenAPI document. Values (input, payload) are
// only required to be JSON here; their text is taken from the body itself.
import { z } from "zod";
import { isUuid, type TaskId } from "../core/ids.ts";
import { STATES, isState, type State } from "../core/states.ts";

const NAME_LIMIT = 256;
const KEY_LIMIT = 512;
const LIST_LIMIT = 1_000;

/** Text that every store can hold and every reader can print. */
function text(limit: number): z.ZodString {
  return z
    .string()
    .max(limit, `must be at most ${limit} characters long`)
    .refine((value) => !value.includes("\0") && value.isWellFormed(), "must not contain NUL or half a surrogate pair");
}

const filledText = (limit: number) =>
  text(limit).refine((value) => value.trim() !== "", "must not be empty or blank only");

const uuid = (what: string) =>
  z
    .string()
    .refine(isUuid, `must be the id of ${what}`)
    .meta({ format: "uuid" })
    .transform((id) => id.toLowerCase() as TaskId);

const clamped = (byDefault: number) =>
  z.coerce
    .number()
    .int()
    .transform((limit) => Math.min(LIST_LIMIT, Math.max(1, limit)))
    .default(byDefault)
    .describe(`How many to answer: ${byDefault} when absent, brought into 1 to ${LIST_LIMIT}.`);

const states = z
  .string()
  .transform((list, context): State[] => {
    const words = list.split(",").map((word) => word.trim());
    const wrong = words.filter((word) => word !== "" && !isState(word));
    if (wrong.length > 0) {
      context.addIssue(`unknown state ${wrong.map((word) => word.slice(0, 40)).join(", ")}; use ${STATES.join(", ")}`);
    }
    return words.filter(isState);
  })
  .describe(`States, comma-separated: ${STATES.join(", ")}.`);

/** Any id in a path: what is not the id of something is not found, what cannot be an id is refused. */
export const RunParams = z.object({
  id: text(NAME_LIMIT).describe("A task id or the id of any of its runs."),
});

export const CreateBody = z.object({
  workflow_name: filledText(NAME_LIMIT).describe("Name of the workflow to run."),
  input: z.unknown().optional().describe("Any JSON value; null when absent."),
  idempotency_key: text(KEY_LIMIT).nullish().describe("Starts at most one task per queue, for ever."),
  harness_type: text(NAME_LIMIT).nullish().describe("Harness of the run's agent turns."),
  max_attempts: z.int().min(1).nullish().describe("Attempts before the task fails."),
  strict_input: z.boolean().nullish().describe("Refuse an input that lacks a required field."),
});

export const RetryQuery = z.object({
  code: z
    .enum(["pinned", "newest"])
    .default("pinned")
    .describe(
      "Where tasks are pinned to the code they began on: whether this one goes on with that or with the newest.",
    ),
});

export const ListQuery = z.object({
  limit: clamped(50),
  workflow_name: text(NAME_LIMIT).optional().describe("Exact name."),
  status: states.optional(),
  parent_task_id: uuid("a task").optional().describe("Only the children of this task."),
  cursor: uuid("a task").optional().describe("Only tasks older than this one: `next_cursor` of the page before."),
});

export const ChildrenQuery = z.object({ limit: clamped(50), cursor: ListQuery.shape.cursor });

export const FollowQuery = z.object({
  types: z
    .string()
    .max(1_000)
    .regex(
      /^[a-z]+(\.[a-z_]+|\.\*)?(,[a-z]+(\.[a-z_]+|\.\*)?)*$/,
      "must be event types such as run.completed or run.*, separated by commas",
    )
    .transform((words) => words.split(","))
    .optional()
    .describe("Only these types; `run.*` means all that begin with `run.`."),
});

export const LogQuery = z.object({
  limit: clamped(200),
  after: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe("Only lines after this one: `next_after` of the page before."),
  run_id: uuid("a run").optional().describe("Only lines of this attempt."),
});

export const EmitBody = z
  .object({
    event_name: filledText(1_024).nullish().describe("Full name of the event."),
    event_type: filledText(NAME_LIMIT).nullish().describe("With correlation_id: what ctx.wait_for_event waits for."),
    correlation_id: filledText(KEY_LIMIT).nullish(),
    payload: z.unknown().optional().describe("Any JSON value; null when absent."),
  })
  .superRefine((body, context) => {
    const named = typeof body.event_name === "string";
    const parts = [body.event_type, body.correlation_id].filter((part) => typeof part === "string").length;
    if (named ? parts === 0 : parts === 2) return;
    context.addIssue("send exactly one of event_name or event_type with correlation_id");
  });
