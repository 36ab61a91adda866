// A cron expression without its zone: which times a wall clock must show. Wall times are milliseconds that would be since the epoch if the
// clock stood in UTC, and need not exist in a zone, nor exist only once.
import { CronPattern } from "croner";

import { DAY_MS, MatchingDays } from "./matching-days.ts";

/** Reading an expression costs more than asking it; schedules are few and asked again and again. */
const CACHED = 1_000;

export class WallTimes {
  static readonly #known = new Map<string, WallTimes>();
  /** Neither seconds nor minutes nor hours hold a wildcard or a step: a time of day, not a rhythm (decision D7). */
  readonly fixed: boolean;
  readonly #days: MatchingDays;
  /** Milliseconds since midnight, ascending. */
  readonly #times: readonly number[];

  private constructor(expression: string) {
    const pattern = new CronPattern(expression, undefined, { fixedTimeRule: "no-wildcard" });
    const fields = expression.trim().split(/\s+/);
    if (fields.length === 5) fields.unshift("0");
    this.fixed = pattern.isFixedTime;
    this.#days = MatchingDays.of([...fields.slice(3), ...(fields.length === 6 ? ["*"] : [])].join(" "));
    this.#times = timesOf(pattern);
  }

  /** `expression`: one that readCron made. */
  static of(expression: string): WallTimes {
    const known = WallTimes.#known.get(expression);
    if (known) return known;
    if (WallTimes.#known.size >= CACHED) WallTimes.#known.clear();
    const times = new WallTimes(expression);
    WallTimes.#known.set(expression, times);
    return times;
  }

  /** The wall times from `fromMs` on, ascending. */
  *from(fromMs: number): Generator<number, void, undefined> {
    const first = Math.floor(fromMs / DAY_MS);
    let day = this.#days.next(first);
    let index = 0;
    if (day === first) while (index < this.#times.length && day * DAY_MS + this.#times[index]! < fromMs) index += 1;
    for (; day !== null; day = this.#days.next(day + 1), index = 0) {
      for (; index < this.#times.length; index += 1) yield day * DAY_MS + this.#times[index]!;
    }
  }

  /** The first wall time from `fromMs` on. */
  firstFrom(fromMs: number): number | null {
    for (const wallMs of this.from(fromMs)) return wallMs;
    return null;
  }
}

function timesOf(pattern: CronPattern): number[] {
  const times: number[] = [];
  const set = (part: readonly number[]) => [...part.keys()].filter((value) => part[value]);
  const [hours, minutes, seconds] = [set(pattern.hour), set(pattern.minute), set(pattern.second)];
  for (const hour of hours)
    for (const minute of minutes)
      for (const second of seconds) times.push((hour * 3_600 + minute * 60 + second) * 1_000);
  return times;
}
