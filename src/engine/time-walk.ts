// Moves the time of a running engine (dev only): from one due moment to the next, so that sleeps, timeouts, back-off and schedules happen
// in their order, each at its own time. Between two moves it waits until the engine has nothing left to do, but not for ever: work that
// takes longer than that goes on beside the moving clock and keeps its lease.
import { ChironError } from "../core/errors.ts";
import type { Bus } from "../core/bus.ts";
import type { ClockReading, MovableClock } from "../ports/clock.ts";

/** What the walk needs of the engine. */
export interface Walkable {
  /** Begins everything that is due now. */
  round(): Promise<void>;
  /** Runs being worked on. */
  busy(): ReadonlySet<string>;
  /** Nothing is under way beside these runs. */
  isIdle(except: ReadonlySet<string>): boolean;
  /** The earliest moment at which something is due, a past one if that has not begun. */
  nextDueAt(): Promise<number | null>;
  /** Makes the leases of live runs outlast a move by so much. */
  hold(jumpMs: number): Promise<void>;
}

export type Move =
  | { readonly kind: "to"; readonly toMs: number }
  | { readonly kind: "by"; readonly ms: number }
  /** To the next due moment. */
  | { readonly kind: "next" };

export interface MoveOptions {
  /** Stand still afterwards; absent: as before, and running after the first move. */
  readonly freeze?: boolean;
  /** Straight there: what was due on the way is late then, as after a downtime. */
  readonly jump?: boolean;
  /** Longest real time for this call, in ms. A walk that is not over by then stops where it is. */
  readonly limitMs: number;
  /** Stops the walk where it is: whoever asked for it has gone. */
  readonly signal?: AbortSignal;
}

export interface Moved {
  /** False: the time was up before the target was reached; ask again for the same target. */
  readonly done: boolean;
  readonly targetMs: number;
  /** Due moments at which the walk stopped on its way. */
  readonly stops: number;
  /** Runs that are still at work. */
  readonly busy: number;
}

/** How long one stop waits for the work it began, in ms of real time. */
const PATIENCE_MS = 5_000;
/** Between two looks at the engine while it works, in ms. */
const LOOK_MS = 2;
/** Looks in the next turns of the event loop before it begins to wait in between. */
const QUICK_LOOKS = 20;
/** Nothing stays due for years: a target beyond is a mistyped one. 2000-01-01 to 2200-01-01. */
const EARLIEST_MS = 946_684_800_000;
const LATEST_MS = 7_258_118_400_000;

export class TimeWalk {
  readonly #clock: MovableClock;
  readonly #engine: Walkable;
  readonly #bus: Bus;
  readonly #patienceMs: number;
  #moving = false;
  /** Runs that outlasted the patience of a stop: later ones do not wait for them. */
  #slow = new Set<string>();

  constructor(clock: MovableClock, engine: Walkable, bus: Bus, patienceMs = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
    this.#clock = clock;
    this.#engine = engine;
    this.#bus = bus;
  }

  reading(): ClockReading {
    return this.#clock.reading();
  }

  nextDueAt(): Promise<number | null> {
    return this.#engine.nextDueAt();
  }

  /** Throws bad_request for a time out of range, conflict while another move is under way or when nothing is due that one could go to. */
  async move(move: Move, options: MoveOptions): Promise<Moved> {
    return this.#alone(async () => {
      const before = this.#clock.reading();
      const toMs = await this.#target(move);
      if (!(toMs >= EARLIEST_MS && toMs <= LATEST_MS)) {
        throw new ChironError("bad_request", "the clock can be set to times from 2000 to 2199 only");
      }
      const mode = (options.freeze ?? before.mode === "frozen") ? "frozen" : "running";
      const isForward = toMs >= this.#clock.now();
      const deadline = this.#clock.monotonic() + options.limitMs;
      const walked =
        isForward && !options.jump ? await this.#walk(toMs, deadline, options.signal) : await this.#jump(toMs);
      this.#clock.move(this.#clock.now(), mode);
      this.#tell();
      await this.#settle(deadline);
      return { ...walked, targetMs: toMs, busy: this.#engine.busy().size };
    });
  }

  /** Back to the machine's time. */
  async follow(): Promise<void> {
    await this.#alone(async () => {
      const { realMs, nowMs } = this.#clock.reading();
      if (realMs > nowMs) await this.#engine.hold(realMs - nowMs);
      this.#clock.follow();
      this.#tell();
      await this.#engine.round();
    });
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#moving) throw new ChironError("conflict", "the clock is being moved by another request");
    this.#moving = true;
    try {
      return await work();
    } finally {
      this.#moving = false;
    }
  }

  async #target(move: Move): Promise<number> {
    if (move.kind === "to") return move.toMs;
    if (move.kind === "by") return this.#clock.now() + move.ms;
    const { nowMs } = this.#clock.reading();
    // What is due already is not what "next" asks for.
    await this.#settle(this.#clock.monotonic() + this.#patienceMs);
    const next = await this.#engine.nextDueAt();
    if (next !== null) return Math.max(next, nowMs);
    throw new ChironError("conflict", "nothing will become due: no run sleeps and no schedule is active");
  }

  async #walk(toMs: number, deadline: number, signal?: AbortSignal): Promise<Pick<Moved, "done" | "stops">> {
    let stops = 0;
    // Between stops the clock stands still: what happens at a stop happens at its time.
    this.#clock.move(this.#clock.now(), "frozen");
    for (;;) {
      await this.#settle(deadline);
      const next = await this.#engine.nextDueAt();
      const isLast = next === null || next > toMs;
      if (isLast || signal?.aborted || this.#clock.monotonic() >= deadline) {
        if (isLast) await this.#step(toMs);
        return { done: isLast, stops };
      }
      // Something that stays due cannot begin here: there is no earlier moment to stop at that is known.
      await this.#step(next <= this.#clock.now() ? toMs : next);
      stops += 1;
    }
  }

  async #jump(toMs: number): Promise<Pick<Moved, "done" | "stops">> {
    await this.#step(toMs);
    return { done: true, stops: 0 };
  }

  async #step(toMs: number): Promise<void> {
    await this.#engine.hold(Math.max(0, toMs - this.#clock.now()));
    this.#clock.move(toMs, "frozen");
  }

  /** Begins what is due and waits for its end, within this stop's patience. */
  async #settle(deadline: number): Promise<void> {
    const until = Math.min(deadline, this.#clock.monotonic() + this.#patienceMs);
    for (;;) {
      await this.#engine.round();
      const isIdle = await this.#idle(until);
      const due = await this.#engine.nextDueAt();
      if (isIdle && (due === null || due > this.#clock.now())) break;
      if (this.#clock.monotonic() >= until) {
        this.#slow = new Set(this.#engine.busy());
        break;
      }
      // Due, and not begun by the round: it waits for something that is not here yet.
      await this.#clock.sleep(LOOK_MS);
    }
    for (const id of this.#slow) if (!this.#engine.busy().has(id)) this.#slow.delete(id);
  }

  /** Whether what is under way ends by then. */
  async #idle(until: number): Promise<boolean> {
    for (let looks = 0; !this.#engine.isIdle(this.#slow); looks += 1) {
      if (this.#clock.monotonic() >= until) return false;
      if (looks < QUICK_LOOKS) await new Promise<void>((resolve) => this.#clock.soon(resolve));
      else await this.#clock.sleep(LOOK_MS);
    }
    return true;
  }

  #tell(): void {
    const { mode, nowMs, realMs } = this.#clock.reading();
    this.#bus.publish({ type: "clock.moved", mode, now: nowMs, offsetMs: nowMs - realMs });
  }
}
