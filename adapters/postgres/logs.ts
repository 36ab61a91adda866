// Log lines of runs. They are not worth a commit of their own: they ride along with the next one, or wait a moment for it.
import type { RunId, TaskId } from "../../src/core/ids.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { LogStore } from "../../src/ports/store.ts";
import type { LogLine } from "../../src/ports/store-types.ts";
import { packJson, packText } from "./codec.ts";
import { idOrNone, type Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

/** How long a line may wait for company, in ms: short for a person who is watching. */
const WAIT_MS = 50;
const WIDTH = 2_000;

const APPEND = `insert into chiron.logs (task_id, run_id, at, level, source, message, fields)
  select task, run, chiron.at(at), level, source, message, fields from json_to_recordset($1::json)
    as x(n integer, task uuid, run uuid, at double precision, level text, source text, message text, fields text) order by n`;
const LIST = `select id::double precision as id, task_id, run_id, chiron.ms(at) as at, level, source, message, fields from chiron.logs
  where task_id = $1 and id > $2 and ($3::uuid is null or run_id = $3) order by id limit $4`;

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

export function createLogs({ sender, gatherer }: Session): LogStore {
  const append = gatherer.lane<LogLine, null>({
    width: WIDTH,
    // One at a time, so that the ids of one process rise in the order of its lines.
    inFlight: 1,
    laterMs: WAIT_MS,
    async send(lines) {
      await sender.commit(APPEND, () => [JSON.stringify(lines.map(packLine))], false);
      return lines.map(() => null);
    },
  });
  return {
    append: async (lines) => void (await append(lines)),
    async list(taskId, { runId, after, limit }) {
      const run = runId === undefined ? null : idOrNone(runId);
      const rows = await sender.read<LogRow>(LIST, [idOrNone(taskId), after ?? 0, run, limit]);
      return rows.map((row) => ({
        id: row.id,
        taskId: row.task_id,
        runId: row.run_id,
        at: row.at,
        level: row.level,
        source: row.source,
        message: unpackText(row.message),
        fields: row.fields,
      }));
    },
  };
}

function packLine({ taskId, runId, at, level, source, message, fields }: LogLine, n: number): object {
  const packed = fields === null ? null : packJson(fields);
  return { n, task: taskId, run: runId, at, level, source, message: packText(message), fields: packed };
}
