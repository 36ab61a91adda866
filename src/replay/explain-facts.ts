// What is looked at to explain a task's state: rows of the store, and what the asked process knows of itself. explain.ts makes sentences of it.
import { parsePythonEventName } from "../core/keys.ts";
import type { Clock, ClockReading } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { Effect } from "../ports/store-effects.ts";
import type { EmittedName, Lane } from "../ports/store-insight.ts";
import type { StoredSchedule } from "../ports/store-schedules.ts";
import type { Checkpoint, Run, Task, Wait } from "../ports/store-types.ts";

/** What the process that is asked knows of the code and its own limits. */
export interface Surroundings {
  /** local: a command looked into the store, and no process works on it. */
  readonly mode: string;
  /** Null: nobody has loaded the folders. */
  readonly workflow: {
    readonly loaded: boolean;
    /** What keeps it, or may keep it, from serving: `path:line: message`. */
    readonly problems: readonly string[];
    readonly alike: readonly string[];
  } | null;
  readonly allowed: boolean;
  /** Places of the task's queue in this process. */
  readonly concurrency: number | null;
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly clock: ClockReading;
}

export interface ExplainFacts extends Surroundings {
  readonly now: number;
  readonly task: Task;
  readonly run: Run;
  readonly runs: readonly Run[];
  readonly last: Checkpoint | null;
  readonly waits: readonly Wait[];
  /** Events named like those that are waited for, by the wait's target. */
  readonly near: ReadonlyMap<string, readonly EmittedName[]>;
  /** Tasks that are waited for, with their newest run. */
  readonly children: ReadonlyMap<string, { readonly task: Task; readonly run: Run } | null>;
  readonly lane: Lane;
  /** Calls to the outside without an end. */
  readonly calls: readonly Effect[];
  readonly schedules: readonly StoredSchedule[];
}

/** Names looked at on each side of a name. */
const NEIGHBOURS = 100;

type Reads = Pick<Store, "reads" | "insight" | "effects" | "schedules">;

export async function readExplainFacts(
  store: Reads,
  clock: Pick<Clock, "now">,
  found: { readonly task: Task; readonly run: Run },
  surroundings: Surroundings,
): Promise<ExplainFacts> {
  const { task } = found;
  const { taskId } = task;
  const [runs, checkpoints, waits, calls, { schedules }] = await Promise.all([
    store.reads.runs(taskId),
    store.reads.checkpoints(taskId),
    task.state === "sleeping" ? store.reads.waits(taskId) : [],
    store.effects.list({ taskId, state: "started", limit: 5 }),
    store.schedules.list(),
  ]);
  const run = runs.at(-1) ?? found.run;
  const [lane, near, children] = await Promise.all([
    store.insight.lane(task.queue, run),
    eventsNear(store, waits),
    awaited(store, waits),
  ]);
  const own = schedules.filter(({ definition }) => definition.workflowName === task.workflowName);
  const last = checkpoints.at(-1) ?? null;
  return {
    ...surroundings,
    now: clock.now(),
    task,
    run,
    runs,
    last,
    waits,
    near,
    children,
    lane,
    calls,
    schedules: own,
  };
}

async function eventsNear(store: Reads, waits: readonly Wait[]): Promise<Map<string, readonly EmittedName[]>> {
  const targets = waits.flatMap(({ kind, target }) => (kind === "event" && target !== null ? [target] : []));
  const found = await Promise.all(
    [...new Set(targets)].map(async (target): Promise<[string, EmittedName[]]> => {
      const lists = await Promise.all(probes(target).map((probe) => store.insight.eventsNear(probe, NEIGHBOURS)));
      const byName = new Map(lists.flat().map((event) => [event.name, event]));
      return [target, [...byName.values()]];
    }),
  );
  return new Map(found);
}

/** Names beside which a mistaken one would stand: others of its type, the type spelt otherwise, the bare type. */
function probes(target: string): string[] {
  const pair = parsePythonEventName(target);
  if (!pair) return [target, target.toLowerCase(), `python:["${target}`];
  const { eventType } = pair;
  const typed = (type: string): string => `python:[${JSON.stringify(type).slice(0, -1)}`;
  const spellings = [eventType, eventType.toLowerCase(), eventType.replace(/^./, (first) => first.toUpperCase())];
  return [...new Set([target, ...spellings.map(typed), eventType])];
}

async function awaited({ reads }: Reads, waits: readonly Wait[]): Promise<ExplainFacts["children"]> {
  const ids = waits.flatMap(({ kind, target }) => (kind === "task" && target !== null ? [target] : []));
  return new Map(await Promise.all(ids.map(async (id) => [id, await reads.find(id)] as const)));
}
