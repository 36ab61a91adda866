// Forks: POST /api/workflows/runs/{id}/fork makes a new task that goes on from a place in another one's record.
import { z } from "zod";
import { ChironError } from "../core/errors.ts";
import { FORK_EFFECTS } from "../core/fork-ref.ts";
import { recordedStep } from "../replay/recorded-step.ts";
import { recordOf } from "../replay/task-record.ts";
import { ErrorAnswer } from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { StepRef } from "./replay-shapes.ts";
import { editsOf } from "./replays.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { findRun } from "./runs.ts";
import { RunParams } from "./schemas.ts";

const ForkBody = z.object({
  from: StepRef.nullish().describe(
    "The first recorded step that is done again: its name, or its number. Absent: all that is recorded is kept.",
  ),
  input: z.unknown().optional().describe("Another input."),
  set: z.record(z.string(), z.unknown()).nullish().describe("Other results of kept steps, by name or number."),
  effects: z
    .enum(FORK_EFFECTS)
    .default("recorded")
    .describe(
      "Calls to agents, tools, Slack and children: recorded answers those that the other task made as it was answered and lets others go out; stubbed gives null to those, blocked fails them; live lets all go out.",
    ),
  max_attempts: z.int().min(1).nullish().describe("Attempts before the task fails; as the other one's when absent."),
});

const ForkAnswer = z.object({
  ok: z.literal(true),
  run_id: z.uuid(),
  task_id: z.uuid(),
  status: z.literal("queued"),
  forked_from: z.uuid(),
  kept: z.int().describe("Recorded steps, sleeps and waits that it begins with."),
  edited: z.array(z.string()),
});

export function forkRoutes(deps: ApiDeps): Route[] {
  return [forkRoute(deps)];
}

function forkRoute(deps: ApiDeps): Route {
  return route({
    method: "POST",
    path: "/api/workflows/runs/{id}/fork",
    name: "forkRun",
    summary:
      "A new task that keeps what another one recorded before a step, and goes on from there on the current code.",
    access: "write",
    params: RunParams,
    body: ForkBody,
    answers: {
      200: { description: "Queued.", schema: ForkAnswer },
      400: { description: "No such step, or an edit of one that is not kept.", schema: ErrorAnswer },
    },
    async handle({ params, body, raw }) {
      const record = await recordOf(deps.store.reads, await findRun(deps, params.id));
      const first = body.from ? recordedStep(record.checkpoints, body.from) : null;
      const before = first?.seq ?? (record.checkpoints.at(-1)?.seq ?? 0) + 1;
      const edits = editsOf(record, raw.get("set"));
      const late = record.checkpoints.find(({ name, seq }) => seq >= before && edits.has(name));
      if (late) {
        throw new ChironError("bad_request", `step ${late.name} (#${late.seq}) is not kept: its result cannot be set`, {
          hint: `Fork from a later step than ${first?.name ?? late.name}, or leave it to be done again.`,
        });
      }
      const { taskId, runId, kept } = await deps.engine.fork({
        source: record.task,
        before,
        edits,
        kept: record.checkpoints.filter(({ seq }) => seq < before).length,
        effects: body.effects,
        ...(raw.has("input") ? { input: raw.get("input")! } : {}),
        ...(body.max_attempts ? { maxAttempts: body.max_attempts } : {}),
      });
      const ids = { run_id: runId, task_id: taskId, status: "queued", forked_from: record.task.taskId };
      return json(JSON.stringify({ ok: true, ...ids, kept, edited: [...edits.keys()] }));
    },
  });
}
