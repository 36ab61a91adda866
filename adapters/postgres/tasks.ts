// A task's beginning, and the ends that come from outside a claim: cancel, retry, retention.
import { isUuid, type RunId, type TaskId } from "../../src/core/ids.ts";
import type { State } from "../../src/core/states.ts";
import type { TaskTransitions } from "../../src/ports/store.ts";
import type { Cancelled, Enqueued, NewTask, Retried } from "../../src/ports/store-types.ts";
import { nameJson, packText, packTextOrNull, packValue } from "./codec.ts";
import type { Lane } from "./gatherer.ts";
import { byQueue, checkQueue, createMethod, lanesOf, type Session } from "./session.ts";

const enqueueIn = (number: number): string => `select * from chiron.enqueue_${number}($1::json, $2, $3)`;
const CANCEL = "select * from chiron.cancel($1::json)";
const RETRY = "select * from chiron.retry($1::json)";
const FORGET = "select chiron.forget($1, $2) as count";

interface EnqueuedRow {
  readonly n: number;
  readonly task_id: TaskId;
  readonly run_id: RunId;
  readonly attempt: number;
  readonly created: boolean;
}

interface EndedRow {
  readonly n: number;
  readonly run_id: RunId;
  readonly state: State | null;
  readonly changed: boolean;
}

interface RetriedRow {
  readonly n: number;
  readonly run_id: RunId;
  readonly attempt: number;
  readonly refused: State | "not_found" | null;
}

interface Retry {
  readonly task: TaskId;
  readonly unpin: boolean;
}

export function createTasks(session: Session): Omit<TaskTransitions, "fork"> {
  const enqueue = createEnqueue(session);
  const cancel = createMethod<TaskId, EndedRow, Cancelled>(session, {
    sql: CANCEL,
    resend: true,
    values: (members) => [members],
    pack: (task) => ({ task }),
    answer: ([row], taskId) =>
      row && row.state !== null
        ? { ok: true, changed: row.changed, state: row.state, taskId, runId: row.run_id }
        : { ok: false, reason: "not_found" },
  });
  const retry = createMethod<Retry, RetriedRow, Retried>(session, {
    sql: RETRY,
    // A second sending would find the task pending and could not tell whose doing that was.
    resend: false,
    values: (members) => [members],
    pack: ({ task, unpin }) => ({ task, unpin }),
    answer: ([row], { task }) => retriedOf(row!, task),
  });
  const forget = session.gatherer.lane<{ beforeMs: number; limit: number }, number>({
    width: 1,
    inFlight: 1,
    async send([request]) {
      const { beforeMs, limit } = request!;
      const rows = await session.sender.commit<{ count: number }>(FORGET, () => [beforeMs, limit], true);
      return [rows[0]!.count];
    },
  });
  return {
    enqueue,
    cancel: (taskIds) => known(cancel, taskIds, { ok: false, reason: "not_found" }),
    retry: (taskIds, { unpin = false } = {}) => {
      const lane: Lane<TaskId, Retried> = (tasks, order) =>
        retry(
          tasks.map((task) => ({ task, unpin })),
          order,
        );
      return known(lane, taskIds, { ok: false, reason: "not_found" });
    },
    forget: async (beforeMs, limit) => (await forget([{ beforeMs, limit }]))[0]!,
  };
}

function retriedOf({ run_id, attempt, refused }: RetriedRow, taskId: TaskId): Retried {
  if (refused === null) return { ok: true, taskId, runId: run_id, attempt };
  if (refused === "not_found") return { ok: false, reason: "not_found" };
  return { ok: false, reason: "not_failed", state: refused };
}

/** Answers for ids that are none, without asking for them. */
async function known<A>(lane: Lane<TaskId, A>, taskIds: readonly TaskId[], unknown: A): Promise<A[]> {
  const asked = taskIds.filter(isUuid);
  const answers = await lane(asked, { keys: [...new Set(asked)] });
  let at = 0;
  return taskIds.map((taskId) => (isUuid(taskId) ? answers[at++]! : unknown));
}

function createEnqueue(session: Session): TaskTransitions["enqueue"] {
  const lanes = lanesOf<NewTask, EnqueuedRow, Enqueued>(session, (number) => ({
    sql: enqueueIn(number),
    resend: true,
    values: (members, again, ticket) => [members, ticket, again],
    pack: packTask,
    answer: ([row]) => ({ taskId: row!.task_id, runId: row!.run_id, attempt: row!.attempt, created: row!.created }),
  }));
  return async (tasks) => {
    const queues = tasks.map(({ queue }) => queue);
    for (const queue of queues) checkQueue(session, queue);
    const enqueued = await byQueue(queues, tasks, (queue, members) =>
      lanes.get(queue!)!(members, { marks: [queueMark(queue!)] }),
    );
    enqueued.forEach(({ taskId, runId }, at) => {
      session.places.remember(taskId, { queue: queues[at]!, isTask: true });
      session.places.remember(runId, { queue: queues[at]!, isTask: false });
    });
    return enqueued;
  };
}

/** A task as the enqueueing functions take it. */
export function packTask(task: NewTask): object {
  const { value, fate } = packValue(task.input);
  return {
    name: packText(task.workflowName),
    name_json: nameJson(task.workflowName),
    input: value,
    fate,
    key: packTextOrNull(task.idempotencyKey),
    max_attempts: task.maxAttempts,
    cause: task.cause.kind,
    ref: packTextOrNull(task.cause.ref),
    parent: task.parentTaskId ?? null,
    harness: packTextOrNull(task.harnessType),
  };
}

/** What a claim awaits: the tasks that were enqueued before it. */
export function queueMark(queue: string): string {
  return `queue:${queue}`;
}
