// Replays: one run's record on the code that is asked for, or many on the current code. Nothing that is replayed changes.
import { ChironError } from "../core/errors.ts";
import { sliceMembers, type JsonText } from "../core/json-text.ts";
import type { Checked, Replays } from "../replay/replays.ts";
import { recordedStep } from "../replay/recorded-step.ts";
import type { Replay } from "../replay/session.ts";
import type { ReplayEnd } from "../replay/plan.ts";
import type { TaskRecord } from "../replay/task-record.ts";
import { ErrorAnswer } from "./answers.ts";
import type { ApiDeps } from "./deps.ts";
import { ReplayAnswer, ReplayBody, ReplaysAnswer, ReplaysBody } from "./replay-shapes.ts";
import { json } from "./responses.ts";
import { route, type Route } from "./route.ts";
import { knownId } from "./runs.ts";
import { RunParams } from "./schemas.ts";
import { object } from "./wire.ts";

export function replayRoutes(deps: ApiDeps): Route[] {
  return [replayRoute(deps), replaysRoute(deps)];
}

function replayRoute(deps: ApiDeps): Route {
  return route({
    method: "POST",
    path: "/api/workflows/runs/{id}/replay",
    name: "replayRun",
    summary:
      "Run a task's handler against its record, without writing or reaching anything: what it would keep, redo, skip.",
    access: "write",
    params: RunParams,
    body: ReplayBody,
    answers: {
      200: { description: "What the handler did.", schema: ReplayAnswer },
      404: { description: "No such run, no such workflow now, or its code is not kept.", schema: ErrorAnswer },
    },
    async handle({ params, body, raw }) {
      const replays = replaysOf(deps);
      const record = await replays.record(knownId(params.id));
      const { code, steps, effects, from } = body;
      const stubs = membersOf(raw.get("stubs"));
      if (stubs.size > 0 && steps === "stop") {
        throw new ChironError("bad_request", "stubs were given, and steps is stop", { hint: "Give steps: stub." });
      }
      const replay = await replays.one(record, code, {
        steps,
        effects,
        stubs,
        edits: editsOf(record, raw.get("set")),
        ...(from ? { from: recordedStep(record.checkpoints, from).seq } : {}),
        ...(raw.has("input") ? { input: raw.get("input")! } : {}),
      });
      return json(wireReplay(record, replay));
    },
  });
}

function replaysRoute(deps: ApiDeps): Route {
  return route({
    method: "POST",
    path: "/api/workflows/replays",
    name: "replayRuns",
    summary:
      "Whether the current code follows the records of many runs; the first divergence of each that it does not.",
    access: "write",
    body: ReplaysBody,
    answers: { 200: { description: "What was found.", schema: ReplaysAnswer } },
    async handle({ body, request }) {
      const began = performance.now();
      const found: Checked[] = [];
      const { workflow_name: workflowName, unfinished, last } = body;
      const named = workflowName ? { workflowName } : {};
      const options = { ...named, unfinished, last, signal: request.signal };
      for await (const checked of replaysOf(deps).check(options)) found.push(checked);
      const count = (outcome: Checked["outcome"]): number => found.filter((one) => one.outcome === outcome).length;
      return json(
        JSON.stringify({
          ok: true,
          checked: found.length,
          follows: count("follows"),
          diverged: count("diverged"),
          unclear: count("unclear"),
          ms: Math.round(performance.now() - began),
          runs: found.filter((one) => one.outcome !== "follows").map(wireChecked),
        }),
      );
    },
  });
}

function replaysOf({ replays }: ApiDeps): Replays {
  if (replays) return replays;
  throw new ChironError("unavailable", "no workflow code is loaded here to replay on");
}

/** The members of an object of the request, as they were written. */
export function membersOf(text: JsonText | undefined): ReadonlyMap<string, JsonText> {
  return text === undefined || text.trim() === "null" ? new Map() : sliceMembers(text);
}

/** Other results of recorded steps, by the name in the record. Throws bad_request for a step that is not recorded. */
export function editsOf({ checkpoints }: TaskRecord, text: JsonText | undefined): ReadonlyMap<string, JsonText> {
  return new Map([...membersOf(text)].map(([step, value]) => [recordedStep(checkpoints, step).name, value]));
}

function wireReplay({ task, run }: TaskRecord, { generation, plan, divergence, end, logs }: Replay): string {
  const entries = plan.map(({ recordedPosition, ...entry }) => ({ ...entry, recorded_position: recordedPosition }));
  const { taskId, workflowName } = task;
  const told = object(
    {
      kind: end.kind,
      message: messageOfEnd(end),
      at: end.kind === "stands" ? end.at.map(({ name }) => name) : [],
      failure: end.kind === "error" || end.kind === "blocked" ? end.failure : null,
    },
    { value: end.kind === "result" ? end.value : null },
  );
  return object(
    {
      ok: true,
      task_id: taskId,
      run_id: run.runId,
      workflow_name: workflowName,
      generation,
      plan: entries,
      divergence,
      logs,
    },
    { end: told },
  );
}

function messageOfEnd(end: ReplayEnd): string | null {
  switch (end.kind) {
    case "result":
      return null;
    case "error":
    case "blocked":
      return `${end.failure.name}: ${end.failure.message}`;
    case "stands":
      return `stands at ${end.at.map(({ kind, name }) => `${kind} ${name}`).join(", ")}`;
    case "call":
    case "lost":
      return end.message;
  }
}

function wireChecked({ taskId, runId, workflowName, state, ...told }: Checked): object {
  return { task_id: taskId, run_id: runId, workflow_name: workflowName, status: state, ...told };
}
