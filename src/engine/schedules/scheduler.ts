// Accounts what is due, at the time it is due and at least every few seconds, in every process that has the role; the store lets one of
// them win. Only processes that serve a schedule's workflow touch it: what no process serves stays due until one does.
import type { Clock } from "../../ports/clock.ts";
import type { StoredSchedule } from "../../ports/store-schedules.ts";
import { createFaultReport, type Service } from "../service.ts";
import { Account, accountDue, releaseHeld } from "./plan.ts";
import { heldOf, reconcile, type Declared, type ReconcileDeps } from "./reconcile.ts";
import { writeAccount } from "./write.ts";

export interface SchedulerDeps extends Omit<ReconcileDeps, "settings" | "failed"> {
  readonly clock: Clock;
  readonly maxAttempts: number;
  /** Late starts a second, after downtime. */
  readonly startRate: number;
  /** What the files declare now; null: not loaded yet. */
  readonly declared: () => Declared | null;
  /** Tells sets of declarations apart. */
  readonly digest: (declared: Declared) => string;
  /** How often the declarations are compared with the store, in ms. */
  readonly reconcileMs: number;
}

/** Longest time between two passes, in ms: bounds what nobody announced, such as a change by another process or a step of the clock. */
const POLL_MS = 5_000;
/** The same while occurrences wait for a task that another process may end. */
const HELD_POLL_MS = 1_000;
/** Schedules looked at in one pass; the rest follow in the next. */
const DUE_LIMIT = 1_000;

export interface Scheduler extends Service {
  /** There may be something to do: look now. */
  poke(): void;
  /** The files declare something else: answers when the store does. */
  reload(): Promise<void>;
  /** When this process has something to do next; null: never by itself. */
  nextDueAt(): Promise<number | null>;
}

export function createScheduler(deps: SchedulerDeps): Scheduler {
  return new Passes(deps);
}

class Passes implements Scheduler {
  readonly name = "schedules";
  readonly #deps: SchedulerDeps;
  readonly #fault: (error: unknown) => void;
  readonly #faults = new Map<string, (error: unknown) => void>();
  readonly #reconcileDeps: ReconcileDeps;
  #ending: AbortController | null = null;
  #nap = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  /** One pass or reconciliation at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #unsubscribe: () => void = () => undefined;
  #reconciledAt: number | null = null;
  #held = false;
  #tokens = 0;
  #filledAt = 0;

  constructor(deps: SchedulerDeps) {
    this.#deps = deps;
    this.#fault = createFaultReport(this.name, deps.bus);
    this.#reconcileDeps = {
      ...deps,
      settings: { maxAttempts: deps.maxAttempts, lateStart: () => this.#lateStart() },
      failed: (id, error) => this.#faultOf(id)(error),
    };
  }

  start(): void {
    if (this.#ending) return;
    this.#ending = new AbortController();
    this.#unsubscribe = this.#deps.bus.subscribe(({ type }) => {
      if (this.#held && (type === "run.completed" || type === "run.failed" || type === "run.cancelled")) this.poke();
      if (type !== "clock.moved") return;
      // Schedules that are accounted far ahead of a clock that went back count from now again.
      this.#reconciledAt = null;
      this.poke();
    });
    this.#loop = this.#run(this.#ending.signal);
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#ending?.abort();
    this.#ending = null;
    this.#nap.abort();
    await this.#loop;
    await this.#turn;
  }

  poke(): void {
    this.#nap.abort();
  }

  async tick(): Promise<void> {
    await this.#round();
  }

  async reload(): Promise<void> {
    if (!this.#ending) return;
    this.#reconciledAt = null;
    await this.#round();
    this.poke();
  }

  async nextDueAt(): Promise<number | null> {
    const { now, schedules, nextDueAt } = await this.#deps.store.schedules.due(DUE_LIMIT);
    const due = schedules.some(
      ({ definition, dueAt }) => dueAt !== null && dueAt <= now && this.#deps.serves(definition.workflowName),
    );
    return due ? now : nextDueAt;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Made before the pass, so that a poke during it is not lost.
      this.#nap = new AbortController();
      const delayMs = await this.#round();
      if (!signal.aborted) await this.#deps.clock.sleep(delayMs, this.#nap.signal);
    }
  }

  /** Answers when to look again. Never rejects. */
  #round(): Promise<number> {
    const round = this.#turn.then(async () => {
      try {
        await this.#reconcile();
        const delayMs = await this.#pass();
        this.#fault(null);
        return delayMs;
      } catch (error) {
        this.#fault(error);
        return HELD_POLL_MS;
      }
    });
    this.#turn = round;
    return round;
  }

  async #reconcile(): Promise<void> {
    const { clock, reconcileMs, store, digest } = this.#deps;
    const declared = this.#deps.declared();
    const now = clock.monotonic();
    if (declared === null || (this.#reconciledAt !== null && now - this.#reconciledAt < reconcileMs)) return;
    if (await store.schedules.announce(digest(declared))) await reconcile(this.#reconcileDeps, declared);
    this.#reconciledAt = now;
  }

  async #pass(): Promise<number> {
    const { now, schedules, nextDueAt } = await this.#deps.store.schedules.due(DUE_LIMIT);
    const served = schedules.filter(({ definition }) => this.#deps.serves(definition.workflowName));
    const waits = await Promise.all(served.map((row) => this.#account(row, now)));
    this.#held = schedules.some(({ held }) => held > 0);
    waits.push(this.#held ? HELD_POLL_MS : POLL_MS);
    if (nextDueAt !== null) waits.push(nextDueAt - now);
    if (schedules.length === DUE_LIMIT) waits.push(0);
    return Math.max(0, Math.min(...waits));
  }

  /** One schedule; answers after how many ms it has something to do again. */
  async #account(row: StoredSchedule, now: number): Promise<number> {
    const fault = this.#faultOf(row.scheduleId);
    try {
      const account = new Account(row);
      const { settings } = this.#reconcileDeps;
      if (row.held > 0) releaseHeld(account, await heldOf(this.#deps, row.scheduleId), settings);
      accountDue(account, now, settings);
      const written = await writeAccount(this.#deps, account);
      fault(null);
      const { dueAt } = account.row;
      if (written === null || dueAt === null) return POLL_MS;
      // What is still due waits for its turn among the late starts.
      return dueAt > now ? dueAt - now : 1_000 / this.#deps.startRate;
    } catch (error) {
      fault(error);
      return HELD_POLL_MS;
    }
  }

  #faultOf(scheduleId: string): (error: unknown) => void {
    let fault = this.#faults.get(scheduleId);
    if (!fault) this.#faults.set(scheduleId, (fault = createFaultReport(`schedule ${scheduleId}`, this.#deps.bus)));
    return fault;
  }

  /** So many late starts a second, and at once as many as one second brings. */
  #lateStart(): boolean {
    const { clock, startRate } = this.#deps;
    const now = clock.monotonic();
    this.#tokens = Math.min(startRate, this.#tokens + ((now - this.#filledAt) / 1_000) * startRate);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
