// The days that a cron expression's day, month, weekday and year fields name, as numbers of days since 1970-01-01: no zone is involved.
// croner reads the fields and finds the days; expressions with the same fields share what was found.
import { Cron } from "croner";

export const DAY_MS = 86_400_000;
const BATCH = 64;
/** Expressions with different day fields are few. */
const CACHED = 500;
/** Beyond this distance from what is known, looking starts anew. */
const NEARBY_DAYS = 800;
const EVERY_DAY = "* * * *";

export class MatchingDays {
  static readonly #known = new Map<string, MatchingDays>();
  readonly #cron: Cron | null;
  /** Ascending, and complete from `#fromDay` to the last one. */
  #days: number[] = [];
  #fromDay = 0;
  #ended = false;

  private constructor(fields: string) {
    this.#cron = fields === EVERY_DAY ? null : new Cron(`0 0 0 ${fields}`, { utcOffset: 0, paused: true });
  }

  /** `fields`: day of month, month, day of week, year. */
  static of(fields: string): MatchingDays {
    const known = MatchingDays.#known.get(fields);
    if (known) return known;
    if (MatchingDays.#known.size >= CACHED) MatchingDays.#known.clear();
    const days = new MatchingDays(fields);
    MatchingDays.#known.set(fields, days);
    return days;
  }

  /** The first matching day from `day` on; null when none is left. */
  next(day: number): number | null {
    if (this.#cron === null) return day;
    const last = this.#days.at(-1) ?? this.#fromDay;
    if (
      day < this.#fromDay ||
      (!this.#ended && day > last + NEARBY_DAYS) ||
      (this.#days.length === 0 && !this.#ended)
    ) {
      this.#days = [];
      this.#fromDay = day;
      this.#ended = false;
    }
    while (!this.#ended && (this.#days.at(-1) ?? -Infinity) < day) this.#extend();
    return this.#find(day);
  }

  #extend(): void {
    const last = this.#days.at(-1) ?? this.#fromDay - 1;
    // oxlint-disable-next-line no-restricted-globals -- croner takes a Date; no clock is read
    const found = this.#cron!.nextRuns(BATCH, new Date(last * DAY_MS));
    for (const one of found) this.#days.push(one.getTime() / DAY_MS);
    this.#ended = found.length < BATCH;
  }

  #find(day: number): number | null {
    let [low, high] = [0, this.#days.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#days[middle]! < day) low = middle + 1;
      else high = middle;
    }
    return this.#days[low] ?? null;
  }
}
