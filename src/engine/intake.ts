// The one way a task begins: checks the name, routes it to its queue and enqueues it with its cause. Durable when it answers.
import { ChironError } from "../core/errors.ts";
import { sliceMembers, type JsonText } from "../core/json-text.ts";
import { nearest } from "../core/nearest.ts";
import { queueOf } from "../core/queues.ts";
import type { Bus } from "../core/bus.ts";
import type { Store } from "../ports/store.ts";
import type { Enqueued, NewTask } from "../ports/store-types.ts";
import { BUILTIN_NAMES } from "./builtins.ts";
import type { CreateRun, Enablement } from "./contract.ts";
import type { WorkflowNames } from "./names.ts";

/** A larger number is a typing error, and every attempt is a row. */
const MAX_ATTEMPTS_LIMIT = 1_000;

export interface IntakeDeps {
  readonly store: Store;
  readonly bus: Bus;
  readonly names: WorkflowNames;
  readonly enablement: Enablement;
  readonly defaultMaxAttempts: number;
  /** Called in the same turn as the enqueue: the claim joins its transaction where the store has only one at a time, else it waits for its commit. */
  readonly poke: () => void;
  /** Called when a delivery's task is committed, for a store whose claims run beside other transactions. */
  readonly committed: () => void;
}

export async function createRun(deps: IntakeDeps, request: CreateRun): Promise<Enqueued> {
  const task = newTaskOf(deps, request);
  const enqueued = deps.store.tasks.enqueue([task]);
  deps.poke();
  const answer = (await enqueued)[0]!;
  if (answer.created) announceTask(deps, task, answer);
  return answer;
}

/** The task that a request asks for. Throws ChironError bad_request, unknown_workflow, workflow_disabled or unavailable. */
export function newTaskOf(deps: IntakeDeps, request: CreateRun): NewTask {
  const workflowName = request.workflowName.trim();
  checkName(deps, workflowName);
  const maxAttempts = request.maxAttempts ?? deps.defaultMaxAttempts;
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1 || maxAttempts > MAX_ATTEMPTS_LIMIT) {
    throw new ChironError(
      "bad_request",
      `max_attempts must be a whole number from 1 to ${MAX_ATTEMPTS_LIMIT}, not ${maxAttempts}`,
    );
  }
  if (request.strictInput) checkInput(deps, workflowName, request.input);
  const key = request.idempotencyKey?.trim();
  return {
    queue: queueOf(workflowName),
    workflowName,
    input: request.input,
    maxAttempts,
    cause: request.cause,
    ...(key ? { idempotencyKey: key } : {}),
    ...(request.parentTaskId ? { parentTaskId: request.parentTaskId } : {}),
    ...(request.harnessType ? { harnessType: request.harnessType } : {}),
  };
}

/** Says that a task has begun, once it is committed. */
export function announceTask({ bus }: IntakeDeps, task: NewTask, { taskId, runId }: Enqueued): void {
  const { workflowName, queue, parentTaskId } = task;
  const parent = parentTaskId ? { parentTaskId } : {};
  bus.publish({ type: "task.created", taskId, runId, workflowName, queue, ...parent });
}

function checkName({ names, enablement }: IntakeDeps, workflowName: string): void {
  if (workflowName === "") {
    throw new ChironError("bad_request", "workflow_name must not be empty", {
      hint: 'Send {"workflow_name": "…", "input": {…}}.',
    });
  }
  if (!enablement.allows(workflowName)) {
    throw new ChironError("workflow_disabled", `workflow ${workflowName} is not allowed to run here`, {
      hint: "Add it to WORKFLOW_ALLOWED_NAMES or unset WORKFLOW_ENABLE_MODE.",
    });
  }
  if (names.find(workflowName) || BUILTIN_NAMES.has(workflowName)) return;
  if (!names.ready()) {
    throw new ChironError("unavailable", "the workflows are still being loaded", { hint: "Try again in a second." });
  }
  const near = nearest(workflowName, names.all());
  throw new ChironError("unknown_workflow", `unknown workflow: ${workflowName}`, {
    hint:
      near.length > 0
        ? `Did you mean ${near.join(", ")}?`
        : 'See "chiron workflows list" for the names and for files that did not load.',
    details: { nearest: near },
  });
}

/** Decision D16: on request, an input without a required field is refused before it becomes a task. */
function checkInput({ names }: IntakeDeps, workflowName: string, input: JsonText): void {
  const schema = names.find(workflowName)?.inputSchema;
  if (!schema) return;
  const required = (JSON.parse(schema) as { required?: string[] }).required ?? [];
  const given = input.trimStart().startsWith("{") ? sliceMembers(input) : new Map<string, JsonText>();
  const missing = required.filter((field) => !given.has(field));
  if (missing.length === 0) return;
  throw new ChironError("bad_request", `input of ${workflowName} lacks ${missing.join(", ")}`, {
    hint: `Required by its Input dataclass: ${required.join(", ")}.`,
    details: { missing },
  });
}
