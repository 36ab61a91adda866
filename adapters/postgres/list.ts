// Lists of tasks, newest first, and counts. chiron.tasks has an index for every way to narrow a list; the state that counts is the one
// in absurd's tables.
import { isTerminal, type State } from "../../src/core/states.ts";
import type { TaskReads } from "../../src/ports/store.ts";
import type { TaskFilter } from "../../src/ports/store-types.ts";
import { packText, runOf, taskOf, type RunRow, type TaskRow } from "./codec.ts";
import { relationsOf, RUN_COLUMNS, taskColumns } from "./columns.ts";
import { idOrNone, type Session } from "./session.ts";
import { unpackText } from "../rows/stored-text.ts";

/** As many are quicker to look up and sort than to come across. */
const MOST_FEW = 500;

interface CountRow {
  readonly queue: string;
  readonly state: State;
  readonly workflow_name: string;
  readonly count: number;
}

export function createList({ sender, queues }: Session): Pick<TaskReads, "list" | "counts"> {
  const { tasks, runs } = relationsOf([...queues.keys()]);
  const from = `from chiron.tasks k join ${tasks} t on t.task_id = k.task_id join ${runs} r on r.run_id = t.last_attempt_run
    left join chiron.runs x on x.run_id = r.run_id`;
  const columns = `${taskColumns("r")}, ${RUN_COLUMNS}`;
  const counts = `select queue, ended as state, workflow_name, count(*)::integer as count from chiron.tasks where ended is not null
      group by 1, 2, 3
    union all select k.queue, t.state, k.workflow_name, count(*)::integer from chiron.tasks k join ${tasks} t on t.task_id = k.task_id
      where k.ended is null group by 1, 2, 3`;
  /**
   * The tasks in these states, where they may be few among very many that sleep; null: walk the newest first. What has changed since
   * is left out by the list itself.
   */
  const few = async ({ states }: TaskFilter): Promise<readonly string[] | null> => {
    if (!states || states.length === 0 || !states.every((state) => state === "pending" || state === "running"))
      return null;
    const rows = await sender.read<{ task_id: string }>(
      `select task_id from ${runs} r where state = any ($1) limit $2`,
      [states, MOST_FEW + 1],
    );
    return rows.length <= MOST_FEW ? rows.map(({ task_id }) => task_id) : null;
  };
  return {
    async list(filter) {
      const { where, values } = conditions(filter, await few(filter));
      const sql = `select ${columns} ${from} ${where} order by k.seq desc limit $1`;
      const rows = await sender.read<TaskRow & RunRow>(sql, values);
      return rows.map((row) => ({ task: taskOf(row), run: runOf(row) }));
    },
    async counts() {
      const rows = await sender.read<CountRow>(counts, []);
      return rows.map(({ workflow_name, ...row }) => ({ ...row, workflowName: unpackText(workflow_name) }));
    },
  };
}

function conditions(
  { workflowName, states, parentTaskId, before, limit }: TaskFilter,
  tasks: readonly string[] | null,
): { where: string; values: unknown[] } {
  const values: unknown[] = [limit];
  const where: string[] = [];
  const add = (condition: (place: string) => string, value: unknown): void => {
    values.push(value);
    where.push(condition(`$${values.length}`));
  };
  if (workflowName !== undefined) add((place) => `k.workflow_name = ${place}`, packText(workflowName));
  if (parentTaskId !== undefined) add((place) => `k.parent_task_id = ${place}`, idOrNone(parentTaskId));
  if (before !== undefined)
    add((place) => `k.seq < (select seq from chiron.tasks where task_id = ${place})`, idOrNone(before));
  if (tasks) add((place) => `k.task_id = any (${place})`, tasks);
  if (states) {
    add((place) => `t.state = any (${place})`, states);
    // Says the same once more in terms of the indexes.
    const ended = states.filter(isTerminal).map((state) => `'${state}'`);
    const parts = [
      ...(ended.length < states.length ? ["k.ended is null"] : []),
      ...(ended.length > 0 ? [`k.ended in (${ended.join(", ")})`] : []),
    ];
    if (parts.length > 0) where.push(`(${parts.join(" or ")})`);
  }
  return { where: where.length > 0 ? `where ${where.join(" and ")}` : "", values };
}
