// A run as a scenario: its input, stand-ins for its steps and tools as they answered, and what came of it as the expectation. What a record
// does not say (the name of an event, what a child did) it cannot stand for: such runs are refused.
import { stringify } from "yaml";
import { ChironError } from "../core/errors.ts";
import { parseJson, type JsonText } from "../core/json-text.ts";
import type { Effect } from "../ports/store-effects.ts";
import type { Checkpoint } from "../ports/store-types.ts";
import type { Bundle } from "../replay/bundle.ts";

export interface GoldenOptions {
  readonly name?: string | undefined;
  /** A bundle does not say: children are tasks of their own. */
  readonly startedOthers: boolean;
}

/** The text of a scenario file. Throws ChironError conflict for a run that cannot be one. */
export function goldenScenario({ about, parts }: Bundle, { name, startedOthers }: GoldenOptions): string {
  const task = parts.task[0]!;
  const run = parts.runs.find(({ runId }) => runId === task.lastRunId)!;
  checkState(task.taskId, task.state);
  const { checkpoints, effects } = parts;
  const waits = checkpoints.filter(({ kind }) => kind === "event" || kind === "task");
  if (waits.length > 0) throw refused(task.taskId, `it waited for ${waits.map((wait) => wait.name).join(", ")}`);
  if (startedOthers) throw refused(task.taskId, "it started others");
  const agents = effects.filter(({ kind }) => kind === "agent");
  if (agents.length > 0) throw refused(task.taskId, "it asked an agent");
  const steps = checkpoints.filter(({ kind }) => kind === "step");
  const stubs = { ...stepStubs(steps), ...toolStubs(effects) };
  const timeouts = checkpoints.filter(({ kind }) => kind === "timeout");
  const scenario = {
    name: name ?? `golden: ${task.workflowName} as it ran in ${task.taskId}`,
    workflow: task.workflowName,
    clock: new Date(task.createdAt).toISOString(),
    runs: [{ input: parseJson(task.input), max_attempts: 1 }],
    ...(Object.keys(stubs).length > 0 ? { stubs } : {}),
    expect: {
      run: {
        status: task.state,
        ...(task.output === null ? {} : { result: { $exact: parseJson(task.output) } }),
        ...(run.failure === null ? {} : { failure: { name: run.failure.name, message: run.failure.message } }),
        steps: steps.map((step) => step.name),
        ...(timeouts.length > 0 ? { waits: Object.fromEntries(timeouts.map((wait) => [wait.name, "timeout"])) } : {}),
      },
    },
  };
  const data = about.redacted ? "secrets and personal data are stand-ins" : "data as it was";
  return `# Made by chiron golden add from task ${task.taskId}; ${data}. Run it with: chiron test\n${stringify(scenario, { lineWidth: 140 })}`;
}

function checkState(taskId: string, state: string): void {
  if (state === "completed" || state === "failed") return;
  throw refused(taskId, `it is ${state}`);
}

function refused(taskId: string, why: string): ChironError {
  return new ChironError("conflict", `task ${taskId} cannot be made a scenario: ${why}`, {
    hint: "A record does not hold what such a scenario needs. Write it by hand, with events and stubs.",
    details: { task_id: taskId },
  });
}

function stepStubs(steps: readonly Checkpoint[]): { readonly steps?: object } {
  if (steps.length === 0) return {};
  return { steps: Object.fromEntries(steps.map(({ name, value }) => [name, { result: parseJson(value) }])) };
}

function toolStubs(effects: readonly Effect[]): { readonly tools?: object } {
  const calls = effects.filter(({ kind, target, state }) => kind === "tool" && target !== null && state !== "started");
  if (calls.length === 0) return {};
  const byTarget = Map.groupBy(calls, ({ target }) => target!);
  return { tools: Object.fromEntries([...byTarget].map(([target, made]) => [target, made.map(toolStub)])) };
}

function toolStub({ request, answer, error }: Effect): object {
  const when = argumentsOf(request);
  const given = when === null ? {} : { when };
  return error === null ? { ...given, answer: answer === null ? null : parseJson(answer) } : { ...given, error };
}

function argumentsOf(request: JsonText | null): object | null {
  const sent = request === null ? null : parseJson(request);
  const args = typeof sent === "object" && sent !== null && "args" in sent ? sent.args : sent;
  const isPlain = typeof args === "object" && args !== null && !Array.isArray(args);
  return isPlain && Object.keys(args).length > 0 ? args : null;
}
