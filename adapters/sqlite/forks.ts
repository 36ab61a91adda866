// A task that begins with what another one has recorded: made and given its checkpoints in one transaction.
import type { TaskTransitions } from "../../src/ports/store.ts";
import type { Fork, Forked } from "../../src/ports/store-types.ts";
import { packJson, packText } from "./codec.ts";
import { prepareQuery } from "./query.ts";
import { each, type Session } from "./session.ts";
import { createEnqueue } from "./tasks.ts";

const IS_THERE = "SELECT 1 AS there FROM tasks WHERE task_id = ?";
const COPY = `INSERT INTO checkpoints (task_id, name, seq, kind, owner_run_id, attempt, created_at, duration_ms, position, value)
  SELECT ?, name, row_number() OVER (ORDER BY seq), kind, ?, 1, created_at, duration_ms, position, value FROM checkpoints
  WHERE task_id = ? AND seq < ?`;
const EDIT = "UPDATE checkpoints SET value = ?, created_at = ? WHERE task_id = ? AND name = ?";
const COUNT = "UPDATE runs SET recorded = ? WHERE run_id = ?";

export function createFork(session: Session): TaskTransitions["fork"] {
  const fork = forkOne(session);
  return (forks) => each(session, forks, fork);
}

/** Inside whatever transaction is open. */
function forkOne(session: Session): (fork: Fork) => Forked {
  const { db, clock } = session;
  const isThere = prepareQuery<[string], { there: 1 }>(db, IS_THERE);
  const enqueue = createEnqueue(session);
  const copy = db.prepare(COPY);
  const edit = db.prepare(EDIT);
  const count = db.prepare(COUNT);
  return ({ source, before, task, edits }) => {
    if (!isThere.get(source)) return { ok: false, reason: "not_found" };
    const { taskId, runId } = enqueue(task);
    const kept = copy.run(taskId, runId, source, before).changes;
    for (const { name, value } of edits) edit.run(packJson(value), clock.now(), taskId, packText(name));
    count.run(kept, runId);
    return { ok: true, taskId, runId, kept };
  };
}
