// A time zone as a list of changes of its offset, found in the runtime's own calendar data when somebody asks and then kept.
// Exact to the second. Two changes within one step that cancel each other would be missed; no zone has had such since 1970.

/** The wall clock jumps at `atMs` from `atMs + beforeMs` to `atMs + afterMs`: a gap when that is forward, an overlap when it is back. */
export interface ZoneChange {
  readonly atMs: number;
  /** Offsets from UTC, east positive. */
  readonly beforeMs: number;
  readonly afterMs: number;
}

const STEP_MS = 4 * 86_400_000;
/** Four centuries of one zone, or a decade of each of the forty zones that people use. */
const KEPT_STEPS = 40_000;

export class ZoneOffsets {
  static readonly #known = new Map<string, ZoneOffsets>();
  readonly #format: Intl.DateTimeFormat;
  /** By step: the change within it. */
  readonly #steps = new Map<number, ZoneChange | null>();

  private constructor(timezone: string) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone: timezone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  /** The zone of that IANA name; throws a RangeError when there is none. */
  static of(timezone: string): ZoneOffsets {
    const known = ZoneOffsets.#known.get(timezone);
    if (known) return known;
    const zone = new ZoneOffsets(timezone);
    ZoneOffsets.#known.set(timezone, zone);
    return zone;
  }

  /** What to add to an instant for the time its wall clocks show. */
  offsetAt(atMs: number): number {
    const whole = Math.floor(atMs / 1_000) * 1_000;
    const [month, day, year, hour, minute, second] = this.#format.format(whole).match(/\d+/g)!.map(Number);
    // oxlint-disable-next-line no-restricted-globals -- arithmetic on a calendar date; no clock is read
    return Date.UTC(year!, month! - 1, day, hour, minute, second) - whole;
  }

  /** The first change after `afterMs` and not after `untilMs`. */
  changeIn(afterMs: number, untilMs: number): ZoneChange | null {
    for (let step = Math.floor(afterMs / STEP_MS); step * STEP_MS <= untilMs; step += 1) {
      const change = this.#changeOf(step);
      if (change && change.atMs > afterMs) return change.atMs <= untilMs ? change : null;
    }
    return null;
  }

  /** The change after the step's first instant, up to the next step's. */
  #changeOf(step: number): ZoneChange | null {
    const known = this.#steps.get(step);
    if (known !== undefined) return known;
    const start = step * STEP_MS;
    const beforeMs = this.offsetAt(start);
    const afterMs = this.offsetAt(start + STEP_MS);
    let change: ZoneChange | null = null;
    if (beforeMs !== afterMs) {
      let [low, high] = [start, start + STEP_MS];
      while (high - low > 1_000) {
        const middle = Math.floor((low + high) / 2_000) * 1_000;
        if (this.offsetAt(middle) === beforeMs) low = middle;
        else high = middle;
      }
      change = { atMs: high, beforeMs, afterMs };
    }
    if (this.#steps.size >= KEPT_STEPS) this.#steps.clear();
    this.#steps.set(step, change);
    return change;
  }
}
