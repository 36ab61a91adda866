// Lists of tasks, newest first. Each outcome (unfinished, completed, failed, cancelled) is one range of an index, so a list of the
// few failed among many completed tasks reads the failed ones only; the ranges are merged here.
import type Database from "better-sqlite3";
import { isTerminal, STATES, TERMINAL_STATES, type State } from "../../src/core/states.ts";
import type { Run, Task, TaskFilter } from "../../src/ports/store-types.ts";
import {
  packText,
  RUN_COLUMNS,
  runOf,
  stateColumns,
  TASK_COLUMNS,
  taskOf,
  type RunRow,
  type TaskRow,
} from "./codec.ts";
import { prepareQuery } from "./query.ts";

type Row = TaskRow & RunRow;

/** A range of tasks: the unfinished ones (null) or those with one outcome; undefined: all. */
type Range = State | null | undefined;

const LIVE_STATES = STATES.filter((state) => !isTerminal(state));

export function createList(db: Database.Database): (filter: TaskFilter) => { task: Task; run: Run }[] {
  // One statement per shape of filter; there are few shapes.
  const prepared = new Map<string, Database.Statement<unknown[], Row>>();
  const query = (filter: TaskFilter, range: Range): Row[] => {
    const { sql, params } = compose(filter, range);
    const statement = prepared.get(sql) ?? prepareQuery<unknown[], Row>(db, sql);
    prepared.set(sql, statement);
    return statement.all(params);
  };
  return (filter) => {
    const rows = rangesOf(filter).flatMap((range) => query(filter, range));
    rows.sort((a, b) => (a.task_id < b.task_id ? 1 : -1));
    return rows.slice(0, filter.limit).map((row) => ({ task: taskOf(row), run: runOf(row) }));
  };
}

function rangesOf({ states, workflowName, parentTaskId }: TaskFilter): Range[] {
  if (parentTaskId !== undefined) return [undefined];
  if (!states) return workflowName === undefined ? [undefined] : [null, ...TERMINAL_STATES];
  const live = states.some((state) => !isTerminal(state));
  return [...(live ? [null] : []), ...TERMINAL_STATES.filter((state) => states.includes(state))];
}

function compose(filter: TaskFilter, range: Range): { sql: string; params: unknown[] } {
  const { workflowName, states, parentTaskId, before, limit } = filter;
  const params: unknown[] = [];
  const where: string[] = [];
  const add = (condition: string, ...values: unknown[]): void => {
    where.push(condition);
    params.push(...values);
  };
  if (range === null) add("t.ended IS NULL");
  if (typeof range === "string") add("t.ended = ?", range);
  if (parentTaskId !== undefined) add("t.parent_task_id = ?", parentTaskId);
  if (workflowName !== undefined) add("t.workflow_name = ?", packText(workflowName));
  if (before !== undefined) add("t.task_id < ?", before);
  // Inside the range of an outcome the run's state is known.
  if (states && typeof range !== "string") {
    const wanted = range === null ? states.filter((state) => LIVE_STATES.includes(state)) : states;
    add(`+r.state IN (${wanted.map(() => "?").join(", ")})`, ...wanted);
  }
  const condition = where.length > 0 ? `WHERE ${where.join(" AND ")}` : "";
  return { sql: range === undefined ? page("", condition) : rangePage(range, condition), params: [...params, limit] };
}

const NEWEST_FIRST = "ORDER BY t.task_id DESC";

function page(index: string, condition: string): string {
  return `SELECT ${TASK_COLUMNS}, ${stateColumns("r")}, ${RUN_COLUMNS} FROM tasks t ${index}
    CROSS JOIN runs r ON r.run_id = t.last_run_id ${condition} ${NEWEST_FIRST} LIMIT ?`;
}

/** Of an outcome, which may hold nearly all tasks, the index alone names the page; only its rows are read. */
function rangePage(range: State | null, condition: string): string {
  const index = "INDEXED BY tasks_by_end";
  if (range === null) return page(index, condition);
  const ids = `SELECT t.task_id FROM tasks t ${index} ${condition} ${NEWEST_FIRST} LIMIT ?`;
  return `SELECT ${TASK_COLUMNS}, ${stateColumns("r")}, ${RUN_COLUMNS} FROM (${ids}) ids CROSS JOIN tasks t ON t.task_id = ids.task_id
    CROSS JOIN runs r ON r.run_id = t.last_run_id ${NEWEST_FIRST}`;
}
