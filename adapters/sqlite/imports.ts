// Taking in a task that ran in another store, as rows in one transaction.
import type { ImportedTask, ImportStore, TaskImported } from "../../src/ports/store-imports.ts";
import { packJson, packText } from "./codec.ts";
import type { Session } from "./session.ts";
import { createWriters, type Writers } from "./transfer-write.ts";

const THERE = "SELECT 1 AS there FROM tasks WHERE task_id = ? UNION ALL SELECT 1 FROM runs WHERE run_id = ? LIMIT 1";
const HAS_EFFECT = "SELECT 1 AS there FROM effects WHERE id = ?";
const HAS_DELIVERY = "SELECT 1 AS there FROM deliveries WHERE id = ?";
const LOG = "INSERT INTO logs (task_id, run_id, at, level, source, message, fields) VALUES (?, ?, ?, ?, ?, ?, ?)";
const RECORDED = `UPDATE runs SET recorded = coalesce((SELECT max(seq) FROM checkpoints c WHERE c.task_id = runs.task_id), 0)
  WHERE task_id = ?`;
const UNTOUCH = "DELETE FROM temp.touched";

export function createImports({ db, commits }: Session): ImportStore {
  let writers: Writers | null = null;
  const isThere = (sql: string, ...ids: readonly string[]): boolean => db.prepare(sql).get(...ids) !== undefined;
  const add = (imported: ImportedTask, write: Writers): TaskImported => {
    const { task, runs } = imported;
    if (runs.some(({ runId }) => isThere(THERE, task.taskId, runId))) return { ok: false, reason: "exists" };
    write.tasks(task);
    for (const run of runs) write.runs(run);
    for (const row of imported.checkpoints) write.checkpoints(row);
    for (const row of imported.effects) if (!isThere(HAS_EFFECT, row.id)) write.effects(row);
    for (const row of imported.deliveries) if (!isThere(HAS_DELIVERY, row.id)) write.deliveries(row);
    const log = db.prepare(LOG);
    for (const { taskId, runId, at, level, source, message, fields } of imported.logs) {
      log.run(taskId, runId, at, level, source, packText(message), fields === null ? null : packJson(fields));
    }
    db.prepare(RECORDED).run(task.taskId);
    db.exec(UNTOUCH);
    return { ok: true };
  };
  return {
    async add(imported) {
      // Outside the transaction, because what it makes must outlast one that is undone.
      const ready = (writers ??= createWriters(db));
      return commits.add(() => add(imported, ready));
    },
  };
}
