// Every occurrence is fired or skipped, none twice, whatever happens (invariant 18): random edits, pauses, downtimes, ends of tasks, kills
// before and after a write, second schedulers and clocks that step, against a list of the times at which each schedule was in force.
import fc from "fast-check";
import { expect } from "vitest";
import { occurrencesAfter, type Timing } from "../../src/core/cron/occurrences.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Store } from "../../src/ports/store.ts";
import type { ScheduleDefinition } from "../../src/ports/store-schedules.ts";
import { timingOf } from "../../src/engine/schedules/timing.ts";
import { cron, definition, every, ScheduleBench } from "./schedule-bench.ts";

const IDS = ["a", "b"] as const;
const TIMINGS = [
  cron("*/10 * * * *"),
  cron("5 * * * *"),
  cron("0 9 * * *", "America/New_York"),
  every(420),
  every(3_600),
];
const CATCHUP = ["latest", "skip", "all"] as const;
const OVERLAP = ["allow", "skip", "queue"] as const;
const MINUTE = 60_000;

const id = fc.constantFrom(...IDS);
const edit = fc.record({
  op: fc.constant("edit" as const),
  id,
  timing: fc.nat({ max: TIMINGS.length - 1 }),
  catchup: fc.constantFrom(...CATCHUP),
  limit: fc.constantFrom(1, 3, 100),
  overlap: fc.constantFrom(...OVERLAP),
  jitter: fc.constantFrom(0, 0, 90, 1_200),
  enabled: fc.constantFrom(true, true, true, false),
});
const only = <K extends string>(op: K) => fc.record({ op: fc.constant(op) });
const about = <K extends string>(op: K) => fc.record({ op: fc.constant(op), id });
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ op: fc.constant("pass" as const), minutes: fc.constantFrom(1, 4, 11, 65, 400, 3_000) }),
  },
  { weight: 3, arbitrary: edit },
  { weight: 1, arbitrary: about("remove") },
  { weight: 1, arbitrary: about("pause") },
  { weight: 2, arbitrary: about("resume") },
  { weight: 2, arbitrary: only("work") },
  { weight: 1, arbitrary: about("fire") },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("back" as const), minutes: fc.integer({ min: 1, max: 60 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("kill" as const),
      after: fc.boolean(),
      nth: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: only("rivals") },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** From when until when a timing was in force: `to` is the latest moment that any round has seen of it. */
interface Period {
  readonly timing: Timing;
  readonly from: number;
  to: number;
  over: boolean;
}

/** `open` gives an empty store on a clock that stands still. */
export async function holdsForAll(
  open: () => Promise<{ store: Store; clock: Clock & { move(ms: number): void }; close: () => Promise<void> }>,
  runs: number,
): Promise<void> {
  const property = fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40 }), async (operations) => {
    const { store, clock, close } = await open();
    try {
      const trial = new Trial(store, clock);
      for (const each of operations) await trial.perform(each);
      await trial.judge();
    } finally {
      await close();
    }
  });
  await fc.assert(property, { numRuns: runs });
}

class Trial {
  readonly #bench: ScheduleBench;
  readonly #real: Store["schedules"];
  readonly #periods = new Map<string, Period[]>(IDS.map((name) => [name, []]));
  #wentBack = false;

  constructor(store: Store, clock: Clock & { move(ms: number): void }) {
    this.#real = { ...store.schedules };
    this.#bench = new ScheduleBench({ ...store, schedules: { ...store.schedules } }, clock);
  }

  async perform(each: Operation): Promise<void> {
    const bench = this.#bench;
    switch (each.op) {
      case "pass":
        return this.#round(each.minutes * MINUTE);
      case "back":
        return this.#goBack(each.minutes * MINUTE);
      case "edit":
        return this.#edit(each);
      case "remove":
        return this.#declare(each.id, null);
      case "work":
        await bench.work().catch(() => undefined);
        return this.#round(0);
      case "kill":
        return this.#kill(each.after, each.nth);
      case "rivals":
        return this.#rivals();
      case "pause":
      case "resume":
      case "fire":
        await this.#hand(each.op, each.id);
    }
  }

  async #round(ms: number): Promise<void> {
    await this.#bench.pass(ms);
    this.#note();
  }

  /** What waited for its jitter has not been yet, by the clock that went back. */
  async #goBack(ms: number): Promise<void> {
    this.#wentBack = true;
    await this.#round(-ms);
    const { schedules } = await this.#real.list();
    for (const { scheduleId, accountedTo } of schedules) {
      const period = this.#periods.get(scheduleId)!.at(-1);
      if (period && !period.over) period.to = Math.max(accountedTo, this.#bench.clock.now());
    }
  }

  #note(): void {
    const now = this.#bench.clock.now();
    for (const periods of this.#periods.values())
      for (const period of periods) if (!period.over) period.to = Math.max(period.to, now);
  }

  async #hand(verb: "pause" | "resume" | "fire", name: string): Promise<void> {
    const { control } = this.#bench;
    await (verb === "fire" ? control.fire(name, {}) : control[verb](name)).catch((error: { code?: string }) => {
      expect(["not_found", "conflict"]).toContain(error.code);
    });
    this.#note();
  }

  async #edit(each: Extract<Operation, { op: "edit" }>): Promise<void> {
    const { catchup, limit, overlap, jitter, enabled, timing } = each;
    const policy = { catchup, catchupLimit: limit, overlap, jitterSeconds: jitter, enabled };
    await this.#declare(each.id, definition(each.id, { ...TIMINGS[timing], ...policy }));
  }

  /** Declares, and keeps the list of what is in force in step. */
  async #declare(name: string, next: ScheduleDefinition | null): Promise<void> {
    const bench = this.#bench;
    const before = bench.files.get(name);
    const others = [...bench.files.values()].filter(({ scheduleId }) => scheduleId !== name);
    await bench.declare(...others, ...(next ? [next] : []));
    this.#note();
    const periods = this.#periods.get(name)!;
    const last = periods.at(-1);
    const same = (one: ScheduleDefinition | undefined): string =>
      JSON.stringify([one?.kind, one?.timezone, one?.enabled]);
    if (before && next && same(before) === same(next)) return;
    if (last) last.over = true;
    if (!next?.enabled) return;
    const now = bench.clock.now();
    const anchor = Math.ceil(now / 1_000) * 1_000;
    const timing = timingOf(next, anchor);
    periods.push({ timing, from: next.kind.type === "interval" ? anchor : now, to: now, over: false });
  }

  /** The nth write of a round fails, before or after it took effect; then a new process begins. */
  async #kill(after: boolean, nth: number): Promise<void> {
    const bench = this.#bench;
    const real = this.#real;
    let left = nth;
    const mortal =
      <A, R>(write: (argument: A) => Promise<R>) =>
      async (argument: A): Promise<R> => {
        left -= 1;
        if (left > 0) return write(argument);
        if (after && left === 0) await write(argument);
        throw new Error("killed");
      };
    const account = mortal((steps: Parameters<typeof real.account>[0]) => real.account(steps));
    const declare = mortal((rows: Parameters<typeof real.declare>[0]) => real.declare(rows));
    Object.assign(bench.store.schedules, { account, declare });
    await this.#round(25 * MINUTE);
    Object.assign(bench.store.schedules, real);
    bench.restart();
    await this.#round(0);
  }

  /** Three processes at the same time. */
  async #rivals(): Promise<void> {
    const bench = this.#bench;
    bench.clock.move(25 * MINUTE);
    const rivals = [1, 2, 3].map(() => {
      bench.restart();
      return bench.scheduler;
    });
    await Promise.all(rivals.map((rival) => rival.tick()));
    this.#note();
  }

  async judge(): Promise<void> {
    const bench = this.#bench;
    for (const name of IDS) await bench.control.resume(name).catch(() => undefined);
    await this.#round(1_500 * MINUTE);
    // Held occurrences end as fired when their tasks do.
    for (let round = 0; round < 300 && (await this.#unsettled()); round += 1) {
      await bench.work().catch(() => undefined);
      await this.#round(0);
    }
    expect(bench.faults().filter((message) => message !== "killed")).toEqual([]);
    for (const name of IDS) await this.#judgeOne(name);
  }

  async #unsettled(): Promise<boolean> {
    const { schedules } = await this.#real.list();
    return schedules.some(({ held, running, state }) => state === "active" && held > 0 && running > 0);
  }

  async #judgeOne(name: string): Promise<void> {
    const found = (await this.#real.find(name)).schedule;
    if (!found) return;
    const jitterMs = found.state === "active" ? found.definition.jitterSeconds * 1_000 : 0;
    const expected: number[] = [];
    for (const { timing, from, to, over } of this.#periods.get(name)!) {
      // What is within its jitter at the end may still be to come.
      const end = over ? to : Math.max(found.accountedTo, to - jitterMs);
      for (const at of occurrencesAfter(timing, from)) {
        if (at > end) break;
        expected.push(at);
      }
    }
    const records = (await this.#bench.records(name)).filter(({ source }) => source === "schedule");
    const fired = records.filter(({ outcome }) => outcome !== "skipped").map(({ at }) => at);
    expect(new Set(fired).size, `${name}: fired twice`).toBe(fired.length);
    const tasks = (await this.#bench.tasks(name)).map(({ idempotencyKey }) => idempotencyKey);
    expect(new Set(tasks).size).toBe(tasks.length);
    for (const at of fired) expect(expected).toContain(at);
    const known = new Set(expected);
    const covered = (at: number): boolean => records.some((record) => record.at <= at && at <= record.to);
    for (const at of known) expect(covered(at), `${name}: ${new Date(at).toISOString()} is lost`).toBe(true);
    // A clock that went back may let a new definition meet times that an old one has accounted.
    if (this.#wentBack) return;
    expect(records.reduce((sum, { count }) => sum + count!, 0)).toBe(expected.length);
  }
}
