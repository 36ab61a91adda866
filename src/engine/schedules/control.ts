// A person's hand on schedules: look, pause, resume, fire now, fire a past range. Each change names the version it was made from and is
// made again from the newest one when a scheduler was first.
import { ChironError } from "../../core/errors.ts";
import { fireKey, fireTime, manualFireKey } from "../../core/fire-key.ts";
import { nearest } from "../../core/nearest.ts";
import { occurrencesAfter } from "../../core/cron/occurrences.ts";
import type { Occurrence, StoredSchedule } from "../../ports/store-schedules.ts";
import type { Enqueued } from "../../ports/store-types.ts";
import type { BackfilledOccurrence, BackfillRequest, ScheduleControl, SeenSchedule } from "./contract.ts";
import { Account, accountDue, fire, hold, skipDue, type PlanSettings } from "./plan.ts";
import { taskOf } from "./task.ts";
import { nextOf, take, timingOf } from "./timing.ts";
import { declarationOf, declare, writeAccount, type WriteDeps } from "./write.ts";

export interface ControlDeps extends WriteDeps {
  readonly maxAttempts: number;
  readonly serves: (workflowName: string) => boolean;
  /** Throws for a workflow that may not run here. */
  readonly checkWorkflow: (workflowName: string) => void;
  /** Called after every change. */
  readonly changed: () => void;
}

/** Schedulers change a schedule once an occurrence: losing this often against them does not happen. */
const TRIES = 50;
/** The first of January 2000. Earlier times are a mistake, and years of few digits have keys that no other reader understands. */
const EARLIEST_MS = 946_684_800_000;

export function createScheduleControl(deps: ControlDeps): ScheduleControl {
  const { store } = deps;
  return {
    async list() {
      const { now, schedules } = await store.schedules.list();
      return { now, schedules: schedules.filter(({ state }) => state !== "removed") };
    },
    get: (scheduleId) => seen(deps, scheduleId),
    next: ({ definition, anchorAt, accountedTo }, afterMs, count) =>
      take(timingOf(definition, anchorAt), Math.max(afterMs, accountedTo), count),
    async occurrences(filter) {
      const records = await store.schedules.occurrences(filter);
      if (records.length === 0) await seen(deps, filter.scheduleId);
      return records;
    },
    pause: (scheduleId) => change(deps, scheduleId, pause),
    resume: (scheduleId) => change(deps, scheduleId, resume),
    async fire(scheduleId, options) {
      for (let attempt = 0; attempt < TRIES; attempt += 1) {
        const fired = await fireOnce(deps, await seen(deps, scheduleId), options, attempt);
        if (fired) return fired;
      }
      throw busy(scheduleId);
    },
    backfill: (scheduleId, request) => backfill(deps, scheduleId, request),
  };
}

async function seen({ store }: ControlDeps, scheduleId: string): Promise<SeenSchedule> {
  const { now, schedule } = await store.schedules.find(scheduleId);
  if (schedule) return { now, schedule };
  const { schedules } = await store.schedules.list();
  const near = nearest(
    scheduleId,
    schedules.map((row) => row.scheduleId),
  );
  throw new ChironError("not_found", `schedule not found: ${scheduleId}`, {
    hint: near.length > 0 ? `Did you mean ${near.join(", ")}?` : 'See "chiron schedules list".',
  });
}

type Change = (deps: ControlDeps, seen: SeenSchedule) => Promise<boolean>;

async function change(deps: ControlDeps, scheduleId: string, make: Change): Promise<SeenSchedule> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const found = await seen(deps, scheduleId);
    if (found.schedule.state === "removed") {
      throw new ChironError("conflict", `schedule ${scheduleId} is removed: no file declares it`);
    }
    if (!(await make(deps, found))) continue;
    deps.changed();
    return seen(deps, scheduleId);
  }
  throw busy(scheduleId);
}

function busy(scheduleId: string): ChironError {
  return new ChironError("unavailable", `schedule ${scheduleId} is being changed all the time`, { hint: "Try again." });
}

/** What is due before the pause fires; what comes after does not. */
async function pause(deps: ControlDeps, { now, schedule }: SeenSchedule): Promise<boolean> {
  if (schedule.pausedAt !== null) return true;
  const account = new Account(schedule);
  if (schedule.state === "active" && deps.serves(schedule.definition.workflowName)) {
    accountDue(account, now, planSettings(deps));
  }
  if ((await writeAccount(deps, account)) === null) return false;
  return held(deps, schedule, "paused", await declare(deps, { ...declarationOf(account.row), pausedAt: now }));
}

async function resume(deps: ControlDeps, { now, schedule }: SeenSchedule): Promise<boolean> {
  if (schedule.pausedAt === null) return true;
  const account = new Account(schedule);
  if (schedule.state === "active") skipDue(account, now, "paused");
  if ((await writeAccount(deps, account)) === null) return false;
  const { row } = account;
  const next = nextOf(row.definition, row.anchorAt, row.accountedTo);
  return held(deps, schedule, "resumed", await declare(deps, { ...declarationOf(row), pausedAt: null, ...next }));
}

function held(
  { bus }: ControlDeps,
  { definition }: StoredSchedule,
  change: "paused" | "resumed",
  done: boolean,
): boolean {
  const { scheduleId, workflowName } = definition;
  if (done) bus.publish({ type: "schedule.changed", scheduleId, workflowName, change });
  return done;
}

const planSettings = ({ maxAttempts }: ControlDeps): PlanSettings => ({ maxAttempts, lateStart: () => true });

type FireOptions = Parameters<ScheduleControl["fire"]>[1];

/** Null: try again from the newest version. */
async function fireOnce(
  deps: ControlDeps,
  { now, schedule }: SeenSchedule,
  { input, idempotencyKey }: FireOptions,
  attempt: number,
): Promise<(Enqueued & { readonly fireKey: string }) | null> {
  const { definition, scheduleId, accountedTo } = schedule;
  deps.checkWorkflow(definition.workflowName);
  // Of two fires in one millisecond the second takes the next one.
  const at = now + attempt;
  const key = manualFireKey(scheduleId, idempotencyKey ?? fireTime(at));
  const tracked = definition.overlap !== "allow";
  const task = taskOf(definition, { at, source: "manual", key, input }, deps.maxAttempts);
  const account = new Account(schedule);
  const record = { at, to: at, count: 1, source: "manual", outcome: "fired", reason: null, fireKey: key } as const;
  account.record({ ...record, task, tracked }, accountedTo);
  const started = await writeAccount(deps, account);
  const enqueued = started?.[0];
  if (!enqueued || (!enqueued.created && idempotencyKey === undefined)) return null;
  return { ...enqueued, fireKey: key };
}

async function backfill(deps: ControlDeps, scheduleId: string, request: BackfillRequest) {
  const { fromMs, toMs, limit, dryRun } = request;
  if (fromMs >= toMs) throw new ChironError("bad_request", "backfill: from must be before to");
  if (fromMs < EARLIEST_MS) throw new ChironError("bad_request", "backfill: from is before the year 2000");
  const answers = new Map<number, BackfilledOccurrence>();
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const { now, schedule } = await seen(deps, scheduleId);
    if (toMs > now) {
      throw new ChironError("bad_request", `backfill: to is in the future (it is ${fireTime(now)} now)`, {
        hint: "Occurrences to come fire by themselves.",
      });
    }
    deps.checkWorkflow(schedule.definition.workflowName);
    const times = timesOf(schedule, fromMs, toMs, limit + 1);
    const wanted = times.slice(0, limit);
    const done = await fireRange(deps, schedule, wanted, answers, dryRun);
    if (!done) continue;
    deps.changed();
    return { occurrences: wanted.map((at) => answers.get(at)!), truncated: times.length > limit };
  }
  throw busy(scheduleId);
}

function timesOf({ definition, anchorAt }: StoredSchedule, fromMs: number, toMs: number, count: number): number[] {
  const times: number[] = [];
  for (const at of occurrencesAfter(timingOf(definition, anchorAt), fromMs - 1)) {
    if (at >= toMs || times.length === count) break;
    times.push(at);
  }
  return times;
}

/** Fills in what became of each time that has no answer yet; false: somebody was first, look again. */
async function fireRange(
  deps: ControlDeps,
  schedule: StoredSchedule,
  times: readonly number[],
  answers: Map<number, BackfilledOccurrence>,
  dryRun: boolean,
): Promise<boolean> {
  const { scheduleId, accountedTo, definition } = schedule;
  const open = times.filter((at) => !answers.has(at));
  const fireKeys = open.map((at) => fireKey(scheduleId, at));
  const records = await deps.store.schedules.occurrences({ scheduleId, fireKeys, limit: fireKeys.length });
  const known = new Map(records.filter(({ outcome }) => outcome !== "skipped").map((record) => [record.at, record]));
  const account = new Account(schedule);
  const fired: number[] = [];
  for (const at of open) {
    const record = known.get(at);
    if (record || dryRun) {
      answers.set(at, answerOf(schedule, at, record));
      continue;
    }
    const waits = definition.overlap !== "allow" && (account.row.running > 0 || account.row.held > 0);
    if (waits) {
      hold(account, { at, source: "backfill" }, accountedTo);
      answers.set(at, { at, fireKey: fireKey(scheduleId, at), status: "held", taskId: null });
      continue;
    }
    fire(account, { at, source: "backfill" }, accountedTo, planSettings(deps));
    fired.push(at);
  }
  const started = await writeAccount(deps, account);
  if (started === null) {
    for (const [at, { status }] of answers) if (status === "held") answers.delete(at);
    return false;
  }
  started.forEach(({ taskId, created }, index) => {
    const at = fired[index]!;
    answers.set(at, { at, fireKey: fireKey(scheduleId, at), status: created ? "fired" : "exists", taskId });
  });
  return true;
}

function answerOf({ scheduleId }: StoredSchedule, at: number, record: Occurrence | undefined): BackfilledOccurrence {
  const key = fireKey(scheduleId, at);
  if (!record) return { at, fireKey: key, status: "planned", taskId: null };
  return { at, fireKey: key, status: record.outcome === "held" ? "held" : "exists", taskId: record.taskId };
}
