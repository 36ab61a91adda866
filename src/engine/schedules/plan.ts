// What becomes of the occurrences of one schedule that are due: which fire, which wait, which are skipped and why (decision D8). Pure: the
// same state and time give the same plan, and the store keeps only the first of equal plans.
import { fireKey } from "../../core/fire-key.ts";
import { occurrencesAfter } from "../../core/cron/occurrences.ts";
import type {
  Accounting,
  NewOccurrence,
  Occurrence,
  ScheduleDefinition,
  SkipReason,
  StoredSchedule,
} from "../../ports/store-schedules.ts";
import { taskOf } from "./task.ts";
import { jitterOf, nextOf, split, timingOf, type Span } from "./timing.ts";

/** An occurrence this late is missed, in ms; below it is the everyday delay of a pass. */
const MISSED_MS = 60_000;
/** A start this late waits for its turn among all late starts, in ms. */
const LATE_MS = 10_000;
/** Occurrences that wait for the end of a task; one that never ends must not gather more for ever. */
export const MAX_HELD = 100;
/** Occurrences within their jitter that are looked at in one pass. */
const JITTERED = 1_000;

export interface PlanSettings {
  readonly maxAttempts: number;
  /** Whether one more late start may begin now. */
  readonly lateStart: () => boolean;
  /** Whether occurrences start before their jitter is over: the last chance before their definition goes. */
  readonly atOnce?: boolean;
}

/** The step from one version of a schedule to the next, without what the store fills in. */
export class Account {
  readonly steps: Accounting[] = [];
  /** The row as it will be after the steps. */
  row: StoredSchedule;
  #skips: NewOccurrence[] = [];

  constructor(row: StoredSchedule) {
    this.row = row;
  }

  get definition(): ScheduleDefinition {
    return this.row.definition;
  }

  skip(span: Span | null, reason: SkipReason): void {
    if (span === null) return;
    const { first: at, last: to, count } = span;
    this.#skips.push({ ...NOTHING, at, to, count, source: "schedule", outcome: "skipped", reason });
    this.row = { ...this.row, accountedTo: to };
  }

  /** One transaction: what was skipped before, and this. */
  record(occurrence: NewOccurrence, accountedTo: number): void {
    this.#step([...this.#skips.splice(0), occurrence], accountedTo);
  }

  /** Writes down what was skipped last. */
  close(): readonly Accounting[] {
    if (this.#skips.length > 0) this.#step(this.#skips.splice(0), this.row.accountedTo);
    return this.steps;
  }

  #step(records: readonly NewOccurrence[], accountedTo: number): void {
    const { scheduleId, version, anchorAt } = this.row;
    const next = nextOf(this.definition, anchorAt, accountedTo);
    this.steps.push({ scheduleId, version, accountedTo, ...next, records });
    this.row = { ...this.row, version: version + 1, accountedTo, ...next };
  }
}

const NOTHING = { fireKey: null, task: null, tracked: false, reason: null } as const;

/** Accounts every occurrence that is due now by the schedule's own rules. */
export function accountDue(account: Account, now: number, settings: PlanSettings): void {
  const upTo = settings.atOnce ? now : dueUpTo(account.row, now);
  for (const at of catchUp(account, upTo, now)) {
    const late = now - at - jitterOf(account.definition, at) > LATE_MS;
    if (late && !settings.lateStart()) return;
    occur(account, at, settings);
  }
}

/** Accounts every occurrence up to now as skipped. */
export function skipDue(account: Account, now: number, reason: SkipReason): void {
  const { definition, anchorAt, accountedTo } = account.row;
  account.skip(split(timingOf(definition, anchorAt), accountedTo, now, 0).passed, reason);
}

/** Up to where occurrences are due, in order: one that waits for its jitter holds up those behind it. */
function dueUpTo({ definition, anchorAt, accountedTo }: StoredSchedule, now: number): number {
  const jitterMs = definition.jitterSeconds * 1_000;
  if (jitterMs === 0) return now;
  let upTo = Math.max(accountedTo, now - jitterMs);
  let seen = 0;
  for (const at of occurrencesAfter(timingOf(definition, anchorAt), upTo)) {
    if (at + jitterOf(definition, at) > now || (seen += 1) > JITTERED) break;
    upTo = at;
  }
  return upTo;
}

/** Skips what is not made up for and answers what is, oldest first. */
function catchUp(account: Account, upTo: number, now: number): readonly number[] {
  const { definition, anchorAt, accountedTo } = account.row;
  const timing = timingOf(definition, anchorAt);
  if (definition.catchup === "all") {
    const horizon = Math.min(upTo, now - definition.catchupWindowSeconds * 1_000);
    if (horizon > accountedTo) account.skip(split(timing, accountedTo, horizon, 0).passed, "catchup_window");
    const { passed, kept } = split(timing, Math.max(accountedTo, horizon), upTo, definition.catchupLimit);
    account.skip(passed, "catchup_limit");
    return kept;
  }
  const reason = definition.catchup === "skip" ? "catchup_skip" : "catchup_latest";
  const { passed, kept } = split(timing, accountedTo, upTo, 1);
  account.skip(passed, reason);
  const [at] = kept;
  const missed = at !== undefined && now - at - jitterOf(definition, at) > MISSED_MS;
  if (definition.catchup === "latest" || !missed) return kept;
  account.skip({ first: at, last: at, count: 1 }, reason);
  return [];
}

/** One occurrence that is to be, under the schedule's overlap rule. */
function occur(account: Account, at: number, settings: PlanSettings): void {
  const { overlap } = account.definition;
  const { running, held } = account.row;
  if (overlap === "skip" && running > 0) account.skip({ first: at, last: at, count: 1 }, "overlap");
  else if (overlap !== "queue" || (running === 0 && held === 0))
    fire(account, { at, source: "schedule" }, at, settings);
  else if (held < MAX_HELD) hold(account, { at, source: "schedule" }, at);
  else account.skip({ first: at, last: at, count: 1 }, "queue_full");
}

type What = Pick<Occurrence, "at" | "source">;

/** Records a fire with its task; `accountedTo`: where the schedule's account stands after it. */
export function fire(account: Account, what: What, accountedTo: number, { maxAttempts }: PlanSettings): void {
  const { definition, scheduleId } = account.row;
  const { at, source } = what;
  const key = fireKey(scheduleId, at);
  const tracked = definition.overlap !== "allow";
  const task = taskOf(definition, { at, source, key }, maxAttempts);
  account.record(
    { at, to: at, count: 1, source, outcome: "fired", reason: null, fireKey: key, task, tracked },
    accountedTo,
  );
  if (tracked) account.row = { ...account.row, running: account.row.running + 1 };
}

export function hold(account: Account, { at, source }: What, accountedTo: number): void {
  const key = fireKey(account.row.scheduleId, at);
  account.record({ ...NOTHING, at, to: at, count: 1, source, outcome: "held", fireKey: key }, accountedTo);
  account.row = { ...account.row, held: account.row.held + 1 };
}

/** Starts the oldest held occurrence when nothing is in its way; all of them where overlaps are allowed by now. */
export function releaseHeld(account: Account, held: readonly Occurrence[], settings: PlanSettings): void {
  for (const occurrence of held) {
    if (account.definition.overlap !== "allow" && account.row.running > 0) return;
    fire(account, occurrence, account.row.accountedTo, settings);
    account.row = { ...account.row, held: account.row.held - 1 };
  }
}

/** Gives held occurrences up. */
export function dropHeld(account: Account, held: readonly Occurrence[], reason: SkipReason): void {
  for (const { at, source, fireKey: key } of held) {
    account.record(
      { ...NOTHING, at, to: at, count: 1, source, outcome: "skipped", reason, fireKey: key },
      account.row.accountedTo,
    );
    account.row = { ...account.row, held: account.row.held - 1 };
  }
}
