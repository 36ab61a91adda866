// Writes what was planned for a schedule, tells the bus, and wakes the worker for what began.
import type { Bus } from "../../core/bus.ts";
import type { ScheduleDeclaration, StoredSchedule } from "../../ports/store-schedules.ts";
import type { Store } from "../../ports/store.ts";
import type { Enqueued } from "../../ports/store-types.ts";
import type { Account } from "./plan.ts";

export interface WriteDeps {
  readonly store: Store;
  readonly bus: Bus;
  /** Called in the same turn as a write, so that the claim joins its transaction where the store has only one at a time. */
  readonly poke: () => void;
  /** Called when it is committed, for a store whose claims run beside other transactions. */
  readonly committed: () => void;
}

/** Steps of one transaction, so that thousands to make up for do not run into a store's time limits. */
const WIDTH = 200;

/** Null: somebody else changed the schedule first, and what came after that was not written. */
export async function writeAccount(deps: WriteDeps, account: Account): Promise<readonly Enqueued[] | null> {
  const steps = account.close();
  if (steps.length === 0) return [];
  const started: Enqueued[] = [];
  for (let from = 0; from < steps.length; from += WIDTH) {
    const some = await writeSome(deps, account, steps.slice(from, from + WIDTH));
    if (some === null) return null;
    started.push(...some);
  }
  return started;
}

async function writeSome(deps: WriteDeps, account: Account, steps: Account["steps"]): Promise<Enqueued[] | null> {
  const written = deps.store.schedules.account(steps);
  if (steps.some(({ records }) => records.some(({ task }) => task !== null))) deps.poke();
  const answers = await written;
  const started: Enqueued[] = [];
  for (const [index, answer] of answers.entries()) {
    if (!answer.ok) return null;
    started.push(...answer.started);
    tell(deps, account, steps[index]!.records, answer.started);
  }
  if (started.length > 0) deps.committed();
  return started;
}

function tell(
  { bus }: WriteDeps,
  { definition }: Account,
  records: Account["steps"][number]["records"],
  started: readonly Enqueued[],
): void {
  const { scheduleId, workflowName } = definition;
  let next = 0;
  for (const { at, to, count, outcome, reason, source, task } of records) {
    const enqueued = task === null ? undefined : started[next++];
    if (task !== null && enqueued?.created) {
      const { taskId, runId } = enqueued;
      bus.publish({ type: "task.created", taskId, runId, workflowName, queue: task.queue });
    }
    const taskId = enqueued?.taskId ?? null;
    bus.publish({
      type: "schedule.occurred",
      scheduleId,
      workflowName,
      outcome,
      source,
      reason,
      from: at,
      to,
      count,
      taskId,
    });
  }
}

/** The row as it stands, for a declaration that changes some of it. */
export function declarationOf(row: StoredSchedule): ScheduleDeclaration {
  const { createdAt: _created, updatedAt: _updated, held: _held, running: _running, last: _last, ...rest } = row;
  return rest;
}

/** False: somebody else changed it first. */
export async function declare({ store }: WriteDeps, declaration: ScheduleDeclaration): Promise<boolean> {
  return (await store.schedules.declare([declaration]))[0]!.ok;
}
