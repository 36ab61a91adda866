// Makes the store's schedules those that the files declare. Occurrences that are due are accounted under the old definition before a new
// one takes effect, so that an edit costs no fire and adds none. A schedule that changed meanwhile is looked at again.
import type { ScheduleDeclaration, ScheduleDefinition, StoredSchedule } from "../../ports/store-schedules.ts";
import { Account, accountDue, dropHeld, MAX_HELD, skipDue, type PlanSettings } from "./plan.ts";
import { beginning, nextOf } from "./timing.ts";
import { declarationOf, declare, writeAccount, type WriteDeps } from "./write.ts";

export interface Declared {
  readonly schedules: ReadonlyMap<string, ScheduleDefinition>;
  /** Whether every file could be read: only then a schedule that is not there is gone. */
  readonly complete: boolean;
  /** Workflows whose declaration of a schedule is wrong: what they declared before stays in force. */
  readonly unsure?: ReadonlySet<string>;
}

export interface ReconcileDeps extends WriteDeps {
  readonly settings: PlanSettings;
  /** Whether this process can say that the workflow exists. */
  readonly serves: (workflowName: string) => boolean;
  /** How long a schedule must be missing before it counts as removed, in ms: where several processes declare. */
  readonly removeAfterMs: number;
  readonly failed: (scheduleId: string, error: unknown) => void;
}

/** Looks at one schedule; more often only while others change it. */
const TRIES = 10;
/** A cursor this far ahead of the clock shows that the clock went back for good, in ms; below it, it is waited for. */
const REWIND_MS = 2 * 3_600_000;

/** One schedule that cannot be written does not hold up the others. */
export async function reconcile(deps: ReconcileDeps, declared: Declared): Promise<void> {
  const { now, schedules } = await deps.store.schedules.list();
  const stored = new Map(schedules.map((row) => [row.scheduleId, row]));
  const ids = new Set([...stored.keys(), ...declared.schedules.keys()]);
  await Promise.all(
    [...ids].map((id) =>
      settle(deps, declared, id, { now, schedule: stored.get(id) ?? null }).catch((error: unknown) =>
        deps.failed(id, error),
      ),
    ),
  );
}

interface Seen {
  readonly now: number;
  readonly schedule: StoredSchedule | null;
}

async function settle(deps: ReconcileDeps, declared: Declared, id: string, first: Seen): Promise<void> {
  let seen = first;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    if (await step(deps, declared, id, seen)) return;
    seen = await deps.store.schedules.find(id);
  }
}

/** False: somebody else changed the schedule meanwhile. */
function step(deps: ReconcileDeps, declared: Declared, id: string, { now, schedule }: Seen): Promise<boolean> {
  const definition = declared.schedules.get(id);
  if (schedule === null) return definition ? introduce(deps, definition, now) : Promise.resolve(true);
  if (definition === undefined) {
    const isGone = declared.complete && !declared.unsure?.has(schedule.definition.workflowName);
    return isGone ? remove(deps, schedule, now) : Promise.resolve(true);
  }
  const row = rewound(schedule, now);
  if (isSame(row, definition)) return row === schedule ? Promise.resolve(true) : declare(deps, declarationOf(row));
  return replace(deps, row, definition, now);
}

async function introduce(deps: ReconcileDeps, definition: ScheduleDefinition, now: number): Promise<boolean> {
  const done = await declare(deps, {
    scheduleId: definition.scheduleId,
    version: 0,
    revision: 1,
    definition,
    state: definition.enabled ? "active" : "disabled",
    pausedAt: null,
    missingSince: null,
    ...beginning(definition, now),
  });
  if (done) tell(deps, definition, "added");
  return done;
}

/** The same row, unless the clock went back far: then it counts from now again. Fire keys keep what fired from firing twice. */
function rewound(row: StoredSchedule, now: number): StoredSchedule {
  if (row.accountedTo - now < REWIND_MS) return row;
  return { ...row, accountedTo: now, ...nextOf(row.definition, row.anchorAt, now) };
}

const textOf = (definition: ScheduleDefinition): string => JSON.stringify(definition);
const timeOf = ({ kind, timezone }: ScheduleDefinition): string => JSON.stringify([kind, timezone]);

function isSame({ definition, state, missingSince }: StoredSchedule, declared: ScheduleDefinition): boolean {
  const wanted = declared.enabled ? "active" : "disabled";
  return state === wanted && missingSince === null && textOf(definition) === textOf(declared);
}

async function replace(
  deps: ReconcileDeps,
  row: StoredSchedule,
  definition: ScheduleDefinition,
  now: number,
): Promise<boolean> {
  const account = new Account(row);
  // A schedule that was away has no occurrences to make up for; one with new times counts them from now.
  const goesOn = row.state === "active" && timeOf(row.definition) === timeOf(definition);
  if (row.state === "active") await bringUpToDate(deps, account, now, definition.enabled ? null : "disabled", !goesOn);
  if ((await writeAccount(deps, account)) === null) return false;
  const same = textOf(row.definition) === textOf(definition);
  const begins = goesOn
    ? {
        anchorAt: row.anchorAt,
        accountedTo: account.row.accountedTo,
        ...nextOf(definition, row.anchorAt, account.row.accountedTo),
      }
    : beginning(definition, now);
  const done = await declare(deps, {
    ...declarationOf(account.row),
    ...begins,
    definition,
    revision: row.revision + (same ? 0 : 1),
    state: definition.enabled ? "active" : "disabled",
    missingSince: null,
  });
  if (done && !(same && row.state === "active" && definition.enabled))
    tell(deps, definition, definition.enabled ? (row.state === "active" ? "changed" : "enabled") : "disabled");
  return done;
}

/** Accounts what is due under the definition in force. `gone`: why nothing of it fires any more. */
async function bringUpToDate(
  deps: ReconcileDeps,
  account: Account,
  now: number,
  gone: "disabled" | "removed" | null,
  atOnce = true,
): Promise<void> {
  const { row } = account;
  if (row.pausedAt !== null) skipDue(account, now, "paused");
  else if (gone !== null) skipDue(account, now, gone);
  else if (deps.serves(row.definition.workflowName))
    accountDue(account, now, { ...deps.settings, lateStart: () => true, atOnce });
  else skipDue(account, now, "removed");
  if (gone !== null && row.held > 0) dropHeld(account, await heldOf(deps, row.scheduleId), gone);
}

/** Backfills may hold more than the rule's own bound. */
const HELD_AT_ONCE = 10 * MAX_HELD;

export function heldOf({ store }: WriteDeps, scheduleId: string) {
  return store.schedules.occurrences({ scheduleId, outcome: "held", ascending: true, limit: HELD_AT_ONCE });
}

async function remove(deps: ReconcileDeps, row: StoredSchedule, now: number): Promise<boolean> {
  if (row.state === "removed") return true;
  const missingSince = row.missingSince ?? now;
  if (now - missingSince < deps.removeAfterMs) {
    return row.missingSince !== null || declare(deps, { ...declarationOf(row), missingSince });
  }
  const account = new Account(row);
  if (row.state === "active") await bringUpToDate(deps, account, now, "removed");
  if ((await writeAccount(deps, account)) === null) return false;
  const gone: ScheduleDeclaration = {
    ...declarationOf(account.row),
    state: "removed",
    nextAt: null,
    dueAt: null,
    missingSince,
  };
  const done = await declare(deps, gone);
  if (done) tell(deps, row.definition, "removed");
  return done;
}

function tell(
  { bus }: WriteDeps,
  { scheduleId, workflowName }: ScheduleDefinition,
  change: "added" | "changed" | "enabled" | "disabled" | "removed",
): void {
  bus.publish({ type: "schedule.changed", scheduleId, workflowName, change });
}
