// A task that begins with what another one has recorded: made and given its checkpoints in one statement.
import { isUuid, type RunId, type TaskId } from "../../src/core/ids.ts";
import type { TaskTransitions } from "../../src/ports/store.ts";
import type { Fork, Forked } from "../../src/ports/store-types.ts";
import { packText, packValue } from "./codec.ts";
import { byQueue, checkQueue, lanesOf, type Session } from "./session.ts";
import { packTask, queueMark } from "./tasks.ts";

const forkIn = (number: number): string => `select * from chiron.fork_${number}($1::json, $2, $3)`;

interface ForkedRow {
  readonly n: number;
  readonly task_id: TaskId | null;
  readonly run_id: RunId | null;
  readonly kept: number;
}

const NOT_FOUND: Forked = { ok: false, reason: "not_found" };

export function createFork(session: Session): TaskTransitions["fork"] {
  const lanes = lanesOf<Fork, ForkedRow, Forked>(session, (number) => ({
    sql: forkIn(number),
    resend: true,
    values: (members, again, ticket) => [members, ticket, again],
    pack: packFork,
    answer: ([row]) =>
      row?.task_id && row.run_id ? { ok: true, taskId: row.task_id, runId: row.run_id, kept: row.kept } : NOT_FOUND,
  }));
  return async (forks) => {
    const queues = forks.map(({ task }) => task.queue);
    for (const queue of queues) checkQueue(session, queue);
    const asked = forks.filter(({ source }) => isUuid(source));
    const answers = await byQueue(
      asked.map(({ task }) => task.queue),
      asked,
      (queue, members) => lanes.get(queue!)!(members, { marks: [queueMark(queue!)] }),
    );
    let at = 0;
    return forks.map(({ source }) => (isUuid(source) ? answers[at++]! : NOT_FOUND));
  };
}

function packFork({ source, before, task, edits }: Fork): object {
  return {
    source,
    before,
    task: { n: 0, ...packTask(task) },
    edits: edits.map(({ name, value }) => ({ name: packText(name), ...packValue(value) })),
  };
}
