// Log lines of runs. They are not worth a commit of their own: they ride along with the next one, or wait a moment for it.
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { LogStore } from "../../src/ports/store.ts";
import type { LogLine } from "../../src/ports/store-types.ts";
import { packJson, packText } from "./codec.ts";
import { prepareQuery } from "./query.ts";
import { read, type Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

/** How long a line may wait for a transaction to ride along with, in ms: short for a person who is watching. */
const WAIT_MS = 50;

const APPEND = "INSERT INTO logs (task_id, run_id, at, level, source, message, fields) VALUES (?, ?, ?, ?, ?, ?, ?)";
const LIST = `SELECT id, task_id, run_id, at, level, source, message, fields FROM logs INDEXED BY logs_by_task
  WHERE task_id = ? AND id > ? AND (? IS NULL OR run_id = ?) ORDER BY id LIMIT ?`;

interface LogRow {
  readonly id: number;
  readonly task_id: TaskId;
  readonly run_id: RunId;
  readonly at: number;
  readonly level: LogLine["level"];
  readonly source: LogLine["source"];
  readonly message: string;
  readonly fields: JsonText | null;
}

export function createLogs(session: Session): LogStore {
  const append = session.db.prepare(APPEND);
  const list = prepareQuery<[string, number, string | null, string | null, number], LogRow>(session.db, LIST);
  const write = ({ taskId, runId, at, level, source, message, fields }: LogLine): void => {
    append.run(taskId, runId, at, level, source, packText(message), fields === null ? null : packJson(fields));
  };
  return {
    append: (lines) => session.commits.addLater(() => lines.forEach(write), WAIT_MS),
    list: (taskId, { runId, after, limit }) =>
      read(session, () =>
        list.all(taskId, after ?? 0, runId ?? null, runId ?? null, limit).map((row) => ({
          id: row.id,
          taskId: row.task_id,
          runId: row.run_id,
          at: row.at,
          level: row.level,
          source: row.source,
          message: unpackText(row.message),
          fields: row.fields,
        })),
      ),
  };
}
