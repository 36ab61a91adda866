// The rule of docs/schedules.md as a table: twelve shapes of cron over both changes of the clock in ten zones. What is expected comes from
// a walk through every minute with Intl and a reading of the fields of its own, which share nothing with what is tested.
import { describe, expect, test } from "vitest";
import { readCron } from "../../src/core/cron/expression.ts";
import { occurrencesAfter } from "../../src/core/cron/occurrences.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

interface Shape {
  readonly cron: string;
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** Whether a date of a wall clock matches. */
  readonly day: (year: number, month: number, day: number) => boolean;
  /** A time of day, by the rule: no wildcard or step in minutes or hours. */
  readonly fixed: boolean;
}

const every = (count: number, step = 1) => Array.from({ length: Math.ceil(count / step) }, (_, index) => index * step);
const weekday = (year: number, month: number, day: number) => new Date(Date.UTC(year, month - 1, day)).getUTCDay();
const daily = () => true;

const SHAPES: readonly Shape[] = [
  { cron: "30 2 * * *", minutes: [30], hours: [2], day: daily, fixed: true },
  { cron: "0 0 * * *", minutes: [0], hours: [0], day: daily, fixed: true },
  { cron: "15 1,2,3 * * *", minutes: [15], hours: [1, 2, 3], day: daily, fixed: true },
  { cron: "0,20,40 1-3 * * *", minutes: [0, 20, 40], hours: [1, 2, 3], day: daily, fixed: true },
  {
    cron: "45 23 * * SAT,SUN",
    minutes: [45],
    hours: [23],
    day: (...date) => weekday(...date) % 6 === 0,
    fixed: true,
  },
  { cron: "5 0 * * SUN", minutes: [5], hours: [0], day: (...date) => weekday(...date) === 0, fixed: true },
  {
    cron: "0 9 L * *",
    minutes: [0],
    hours: [9],
    day: (year, month, day) => new Date(Date.UTC(year, month, 0)).getUTCDate() === day,
    fixed: true,
  },
  { cron: "30 3 1 * FRI", minutes: [30], hours: [3], day: (y, m, d) => d === 1 || weekday(y, m, d) === 5, fixed: true },
  { cron: "* * * * *", minutes: every(60), hours: every(24), day: daily, fixed: false },
  { cron: "*/20 * * * *", minutes: every(60, 20), hours: every(24), day: daily, fixed: false },
  { cron: "30 */2 * * *", minutes: [30], hours: every(24, 2), day: daily, fixed: false },
  { cron: "10 * * * MON-FRI", minutes: [10], hours: every(24), day: (...date) => weekday(...date) % 6 !== 0, fixed: false },
]; // prettier-ignore

/** A zone, and moments near two of its changes. */
const ZONES: readonly (readonly [zone: string, ...near: string[]])[] = [
  ["America/New_York", "2026-03-08", "2026-11-01"],
  ["Europe/Berlin", "2026-03-29", "2026-10-25"],
  ["Australia/Lord_Howe", "2026-04-04", "2026-10-03"],
  ["America/Santiago", "2026-04-05", "2026-09-06"],
  ["Africa/Casablanca", "2026-02-15", "2026-03-22"],
  ["Pacific/Apia", "2011-12-30", "2011-09-24", "2012-03-31"],
  ["Pacific/Chatham", "2026-04-04", "2026-09-26"],
  ["America/Havana", "2026-03-08", "2026-11-01"],
  ["America/St_Johns", "2010-03-14", "2010-11-07"],
  ["Asia/Tehran", "2021-03-21", "2021-09-21"],
];

/** What a wall clock shows, in minutes as if it stood in UTC. */
function wallOf(zone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  return (at) => Date.parse(`${format.format(at).replace(" ", "T")}Z`) / MINUTE;
}

/** One walk through the minutes of a zone, asked by all shapes. */
function walk(zone: string, fromMs: number, untilMs: number) {
  const wall = wallOf(zone);
  const minutes: { at: number; shown: number }[] = [];
  for (let at = fromMs; at <= untilMs; at += MINUTE) minutes.push({ at, shown: wall(at) });
  return minutes;
}

function matches(shape: Shape, shown: number): boolean {
  const date = new Date(shown * MINUTE);
  return (
    shape.minutes.includes(date.getUTCMinutes()) &&
    shape.hours.includes(date.getUTCHours()) &&
    shape.day(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate())
  );
}

/** The rule in its own words: see docs/schedules.md, "Daylight saving". */
function expected(shape: Shape, minutes: readonly { at: number; shown: number }[]): number[] {
  const found: number[] = [];
  let latest = minutes[0]!.shown;
  for (const { at, shown } of minutes.slice(1)) {
    const skipped = shape.fixed && Array.from({ length: Math.max(0, shown - latest - 1) }, (_, n) => latest + 1 + n);
    const again = shape.fixed && shown <= latest;
    const late = skipped && skipped.some((minute) => matches(shape, minute));
    if (late || (!again && matches(shape, shown))) found.push(at);
    latest = Math.max(latest, shown);
  }
  return found;
}

const text = (times: readonly number[]) => times.map((at) => new Date(at).toISOString());

describe.each(ZONES)("%s", (zone, ...near) => {
  const spans = near.map((day) => {
    const from = Date.parse(`${day}T00:00:00Z`) - 3 * DAY;
    return walk(zone, from, from + 7 * DAY);
  });

  test.each(SHAPES.map((shape) => [shape.cron, shape] as const))("%s", (cron, shape) => {
    const read = readCron(cron, "unix");
    if (!read.ok) throw new Error(read.reason);
    const timing = { kind: "cron", cron: read.expression, timezone: zone } as const;
    for (const minutes of spans) {
      const [from, until] = [minutes[0]!.at, minutes.at(-1)!.at];
      const found: number[] = [];
      for (const at of occurrencesAfter(timing, from)) {
        if (at > until) break;
        found.push(at);
      }
      expect(text(found)).toEqual(text(expected(shape, minutes)));
    }
  });

  test("beginning anywhere gives the rest of the same", () => {
    for (const cron of ["0,20,40 1-3 * * *", "*/20 * * * *", "0 0 * * *"]) {
      const timing = { kind: "cron", cron, timezone: zone } as const;
      for (const minutes of spans) {
        const until = minutes.at(-1)!.at;
        const after = (from: number) => {
          const found: number[] = [];
          for (const at of occurrencesAfter(timing, from)) {
            if (at > until) break;
            found.push(at);
          }
          return found;
        };
        const all = after(minutes[0]!.at);
        for (let from = minutes[0]!.at; from < until; from += 3 * HOUR + 7 * MINUTE + 1) {
          expect(text(after(from))).toEqual(text(all.filter((at) => at > from)));
        }
      }
    }
  });

  test("the chosen days do have a change of the clock", () => {
    for (const minutes of spans) {
      const offsets = new Set(minutes.map(({ at, shown }) => shown - at / MINUTE));
      expect(offsets.size).toBeGreaterThan(1);
    }
  });
});

describe("Pacific/Apia", () => {
  const fires = (cron: string, after: string, count: number) => {
    const found: string[] = [];
    for (const at of occurrencesAfter({ kind: "cron", cron, timezone: "Pacific/Apia" }, Date.parse(after))) {
      found.push(new Date(at).toISOString());
      if (found.length === count) break;
    }
    return found;
  };

  test("what was due on the day that never was, 30 December 2011, fires once at its end", () => {
    expect(fires("0 9 * * *", "2011-12-29T00:00:00Z", 3)).toEqual([
      "2011-12-29T19:00:00.000Z", // Thursday 29 December 09:00
      "2011-12-30T10:00:00.000Z", // Saturday 31 December 00:00, for Friday
      "2011-12-30T19:00:00.000Z", // Saturday 31 December 09:00
    ]);
    expect(fires("0 9 30 12 *", "2011-01-01T00:00:00Z", 2)).toEqual(["2011-12-30T10:00:00.000Z", "2012-12-29T19:00:00.000Z"]); // prettier-ignore
    expect(fires("0 */12 * * *", "2011-12-30T00:00:00Z", 2)).toEqual(["2011-12-30T10:00:00.000Z", "2011-12-30T22:00:00.000Z"]); // prettier-ignore
  });
});
