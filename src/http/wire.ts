// The reference's JSON shapes (reference behaviour, section 5.2) and what we add to them. Stored values are embedded as the texts they
// are, by building strings: JSON.parse would change them.
import { parsePythonEventName } from "../core/keys.ts";
import type { JsonText } from "../core/json-text.ts";
import { readForkRef } from "../core/fork-ref.ts";
import type { Cause, Checkpoint, Enqueued, Failure, Run, StoredLogLine, Task, Wait } from "../ports/store-types.ts";

/** The last instant that RFC 3339 can write; a wait without a deadline must not become an infinity. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** RFC 3339 in UTC with milliseconds. */
export function rfc3339(ms: number): string {
  return new Date(Math.min(LAST_MS, Math.max(0, ms))).toISOString();
}

export function rfc3339OrNull(ms: number | null): string | null {
  return ms === null || Number.isNaN(ms) ? null : rfc3339(ms);
}

/**
 * One JSON object out of `plain` fields and `raw` members whose values are JSON texts already. Undefined plain fields are left out,
 * as in JSON.stringify.
 */
export function object(
  plain: Readonly<Record<string, unknown>>,
  raw: Readonly<Record<string, string | null>> = {},
): string {
  let text = JSON.stringify(plain).slice(0, -1);
  let separator = text === "{" ? "" : ",";
  for (const [name, value] of Object.entries(raw)) {
    text += `${separator}"${name}":${value ?? "null"}`;
    separator = ",";
  }
  return `${text}}`;
}

export function array(texts: readonly string[]): string {
  return `[${texts.join(",")}]`;
}

/** The create call's answer. "queued" is a word of this answer only, not a state. */
export function createdRun({ runId, taskId, created }: Enqueued): string {
  // Ids need no escaping.
  return `{"ok":true,"run_id":"${runId}","task_id":"${taskId}","status":"queued","created":${created}}`;
}

function failureFields(failure: Failure | null): Failure | null {
  return failure && { name: failure.name, message: failure.message, ...optional(failure) };
}

function optional({ traceback, crash }: Failure): Partial<Failure> {
  return { ...(traceback === undefined ? {} : { traceback }), ...(crash === undefined ? {} : { crash }) };
}

/** Reference behaviour, section 4.6: the handler's value stands at result.output. */
function result(task: Task): string | null {
  if (task.output === null) return null;
  const plain = {
    workflow_name: task.workflowName,
    run_id: task.lastRunId,
    task_id: task.taskId,
    steps: ["python_host"],
  };
  return object(plain, { output: task.output });
}

/** A time at which a waiting run goes on by itself. */
function wakeAt({ state, availableAt }: Run): string | null {
  return state === "sleeping" || state === "pending" ? rfc3339OrNull(availableAt) : null;
}

/** A task seen through one of its attempts. */
export function workflowRun({ task, run }: { readonly task: Task; readonly run: Run }): string {
  return object(
    {
      run_id: run.runId,
      task_id: task.taskId,
      workflow_name: task.workflowName,
      status: task.state,
      failure: failureFields(run.failure),
      attempts: task.attempts,
      created_at: rfc3339(task.createdAt),
      updated_at: rfc3339(task.updatedAt),
      attempt: run.attempt,
      max_attempts: task.maxAttempts,
      queue: task.queue,
      cause: cause(task.cause),
      parent_task_id: task.parentTaskId,
      idempotency_key: task.idempotencyKey,
      harness_type: task.harnessType,
      wake_at: wakeAt(run),
      started_at: rfc3339OrNull(run.startedAt),
      finished_at: rfc3339OrNull(run.finishedAt),
      generation: run.generation,
      pinned_generation: task.pinnedGeneration,
    },
    { input: task.input, result: result(task) },
  );
}

export function attempt(run: Run): string {
  return object({
    run_id: run.runId,
    attempt: run.attempt,
    status: run.state,
    failure: failureFields(run.failure),
    wake_at: wakeAt(run),
    created_at: rfc3339(run.createdAt),
    started_at: rfc3339OrNull(run.startedAt),
    finished_at: rfc3339OrNull(run.finishedAt),
    generation: run.generation,
  });
}

/** Of a fork: the task it came from, and how. */
function cause(of: Cause): object {
  const fork = readForkRef(of);
  return fork === null ? of : { kind: of.kind, ref: fork.taskId, effects: fork.effects, kept: fork.kept };
}

/** `of` the task's cause: a fork begins with what another task has recorded. */
export function checkpoint(entry: Checkpoint, of: Cause): string {
  const fork = readForkRef(of);
  const taken = fork !== null && entry.seq <= fork.kept;
  return object(
    {
      name: entry.name,
      kind: entry.kind,
      seq: entry.seq,
      size: Buffer.byteLength(entry.value),
      duration_ms: entry.durationMs,
      position: entry.position,
      attempt: entry.attempt,
      run_id: entry.ownerRunId,
      created_at: rfc3339(entry.createdAt),
      origin: !taken ? "recorded" : fork.edited.includes(entry.name) ? "edited" : "forked",
    },
    { value: entry.value },
  );
}

export function wait(entry: Wait): string {
  const event = entry.kind === "event" && entry.target !== null ? parsePythonEventName(entry.target) : null;
  return object({
    step: entry.step,
    kind: entry.kind,
    target: entry.target,
    event_type: event?.eventType ?? null,
    correlation_id: event?.correlationId ?? null,
    deadline_at: rfc3339OrNull(entry.deadlineAt),
    created_at: rfc3339(entry.createdAt),
  });
}

export function logLine(line: StoredLogLine): string {
  const { id, runId, at, level, source, message } = line;
  return object({ id, run_id: runId, at: rfc3339(at), level, source, message }, { fields: line.fields });
}

/** The raw text of a member of the request's body; null when it is absent. */
export function member(raw: ReadonlyMap<string, JsonText>, name: string): JsonText {
  return raw.get(name) ?? ("null" as JsonText);
}
