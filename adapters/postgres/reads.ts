// Tasks, runs, checkpoints and waits as they stand after the last commit. Lists are in list.ts.
import type { TaskId } from "../../src/core/ids.ts";
import type { TaskReads } from "../../src/ports/store.ts";
import {
  checkpointOf,
  packText,
  runOf,
  taskOf,
  waitOf,
  type CheckpointRow,
  type RunRow,
  type TaskRow,
  type WaitRow,
} from "./codec.ts";
import { relationsOf, RUN_COLUMNS, taskColumns } from "./columns.ts";
import { createList } from "./list.ts";
import type { Place } from "./places.ts";
import { idOrNone, type Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

// First where an id belongs: planning one statement over the tables of all queues takes ten times as long as reading from one.
const WHERE_IS = `select exists (select 1 from chiron.tasks where task_id = $1) as is_task,
  coalesce((select queue from chiron.tasks where task_id = $1), (chiron.find_run($1)).queue) as queue`;
const WAITS = `select step, kind, target, chiron.ms(deadline_at) as deadline_at, chiron.ms(created_at) as created_at
  from chiron.waits where task_id = $1 order by chiron.ms(created_at), step collate "C"`;
const ACTIVE_NAMES = "select distinct workflow_name from chiron.tasks where ended is null";
const ACTIVE_OF = "select task_id from chiron.tasks where ended is null and workflow_name = $1 order by seq limit $2";

export function createReads(session: Session): TaskReads {
  const { sender } = session;
  const sql = statements(session);
  return {
    async find(given) {
      const id = idOrNone(given);
      const place = session.places.get(id) ?? (await lookUpPlace(session, id));
      const found = place && sql.found.get(place.queue);
      if (!found) return null;
      const [row] = await sender.read<TaskRow & RunRow>(place.isTask ? found.byTask : found.byRun, [id]);
      return row ? { task: taskOf(row), run: runOf(row) } : null;
    },
    ...createList(session),
    runs: async (taskId) => (await ofTask<RunRow>(session, sql.runs, taskId)).map(runOf),
    checkpoints: async (taskId) => (await ofTask<CheckpointRow>(session, sql.checkpoints, taskId)).map(checkpointOf),
    waits: async (taskId) => (await ofTask<WaitRow>(session, WAITS, taskId)).map(waitOf),
    async activeNames() {
      const rows = await sender.read<{ workflow_name: string }>(ACTIVE_NAMES, []);
      return rows.map((row) => unpackText(row.workflow_name));
    },
    async activeOf(name, limit) {
      const rows = await sender.read<{ task_id: TaskId }>(ACTIVE_OF, [packText(name), limit]);
      return rows.map((row) => row.task_id);
    },
  };
}

async function lookUpPlace({ sender, places }: Session, id: string): Promise<Place | null> {
  const [row] = await sender.read<{ is_task: boolean; queue: string | null }>(WHERE_IS, [id]);
  const { is_task: isTask, queue } = row!;
  if (queue === null) return null;
  places.remember(id, { queue, isTask });
  return { queue, isTask };
}

async function ofTask<Row extends object>({ sender }: Session, sql: string, taskId: TaskId): Promise<Row[]> {
  return sender.read<Row>(sql, [idOrNone(taskId)]);
}

function statements({ queues }: Session) {
  const { tasks, runs, checkpoints } = relationsOf([...queues.keys()]);
  return {
    found: new Map([...queues.keys()].map((queue) => [queue, foundIn(queue)])),
    runs: `select ${RUN_COLUMNS} from ${runs} r join ${tasks} t on t.task_id = r.task_id join chiron.tasks k on k.task_id = r.task_id left join chiron.runs x on x.run_id = r.run_id
      where r.task_id = $1 order by r.attempt`,
    // Checkpoints that another program wrote and that no claim has seen yet come last.
    checkpoints: `select coalesce(m.name, c.checkpoint_name) as name, coalesce(m.kind, 'step') as kind, m.value,
        case when m.value is null then c.state::text end as printed,
        coalesce(m.seq, 1000000 + row_number() over (order by c.updated_at, c.checkpoint_name))::integer as seq,
        coalesce(m.owner_run_id, c.owner_run_id, c.task_id) as owner_run_id, coalesce(m.attempt, 1) as attempt,
        chiron.ms(coalesce(m.created_at, c.updated_at)) as created_at, coalesce(m.duration_ms, 0) as duration_ms, m.position
      from (select * from chiron.checkpoints where task_id = $1) m
      full join (select * from ${checkpoints} x where task_id = $1 and status = 'committed') c
        on c.checkpoint_name = chiron.stored_name(m.name, m.kind)
      order by 5`,
  };
}

/** A task of this queue with its newest run, and with any run of it. */
function foundIn(queue: string): { readonly byTask: string; readonly byRun: string } {
  const { tasks, runs } = relationsOf([queue]);
  const from = `select ${taskColumns("n")}, ${RUN_COLUMNS} from chiron.tasks k join ${tasks} t on t.task_id = k.task_id
    join ${runs} n on n.run_id = t.last_attempt_run join ${runs} r on r.task_id = t.task_id left join chiron.runs x on x.run_id = r.run_id`;
  return {
    byTask: `${from} where k.task_id = $1 and r.run_id = t.last_attempt_run`,
    byRun: `${from} where r.run_id = $1`,
  };
}
