// Occurrences of intervals and of cron expressions away from changes of the clock, and what they cost.
import fc from "fast-check";
import { Cron } from "croner";
import { describe, expect, test } from "vitest";
import { nextOccurrences, occurrencesAfter, type Timing } from "../../src/core/cron/occurrences.ts";

const NEW_YEAR = Date.UTC(2026, 0, 1);
const YEAR = 365 * 86_400_000;

const cron = (expression: string, timezone = "UTC"): Timing => ({ kind: "cron", cron: expression, timezone });
const text = (times: readonly number[]) => times.map((at) => new Date(at).toISOString());

function countTo(timing: Timing, until: number): number {
  let count = 0;
  for (const at of occurrencesAfter(timing, NEW_YEAR - 1)) {
    if (at >= until) break;
    count += 1;
  }
  return count;
}

describe("an interval", () => {
  const timing: Timing = { kind: "interval", intervalMs: 90_000, anchorMs: NEW_YEAR };

  test("counts from its anchor, before it too, and never drifts", () => {
    expect(nextOccurrences(timing, NEW_YEAR, 2)).toEqual([NEW_YEAR + 90_000, NEW_YEAR + 180_000]);
    expect(nextOccurrences(timing, NEW_YEAR - 1, 1)).toEqual([NEW_YEAR]);
    expect(nextOccurrences(timing, NEW_YEAR - 90_001, 2)).toEqual([NEW_YEAR - 90_000, NEW_YEAR]);
    expect(nextOccurrences(timing, NEW_YEAR + 1_000_000 * 90_000 + 7, 1)).toEqual([NEW_YEAR + 1_000_001 * 90_000]);
  });
});

describe("a cron", () => {
  test("ends when its year is over, and is empty when its day never comes", () => {
    expect(text(nextOccurrences(cron("0 0 9 1 JAN,JUL * 2026"), NEW_YEAR, 5))).toEqual([
      "2026-01-01T09:00:00.000Z",
      "2026-07-01T09:00:00.000Z",
    ]);
    expect(nextOccurrences(cron("0 9 31 2 *"), NEW_YEAR, 1)).toEqual([]);
    expect(nextOccurrences(cron("0 0 9 * * * 2020"), NEW_YEAR, 1)).toEqual([]);
  });

  test("finds rare days far away, and days before those it was asked for last", () => {
    expect(text(nextOccurrences(cron("0 9 29 2 *", "Europe/Berlin"), NEW_YEAR, 2))).toEqual([
      "2028-02-29T08:00:00.000Z",
      "2032-02-29T08:00:00.000Z",
    ]);
    expect(text(nextOccurrences(cron("0 9 29 2 *", "Europe/Berlin"), Date.UTC(1999, 0, 1), 1))).toEqual([
      "2000-02-29T08:00:00.000Z",
    ]);
  });

  test("is strictly after the moment asked about, to the millisecond", () => {
    const nine = Date.UTC(2026, 0, 1, 9);
    expect(nextOccurrences(cron("0 9 * * *"), nine - 1, 1)).toEqual([nine]);
    expect(nextOccurrences(cron("0 9 * * *"), nine, 1)).toEqual([nine + 86_400_000]);
  });

  test("gives what croner gives where no clock changes, whatever the fields", () => {
    const field = (min: number, max: number) =>
      fc.oneof(
        fc.constant("*"),
        fc.integer({ min, max }).map(String),
        fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
        fc.integer({ min: 2, max: 7 }).map((step) => `*/${step}`),
      ); // prettier-ignore
    const day = fc.oneof(field(1, 31), fc.constantFrom("L", "LW", "15W", "1W,L"));
    const weekday = fc.oneof(field(0, 6), fc.constantFrom("MON-FRI", "FRIL", "MON#2", "SUN,WED", "+TUE"));
    const expression = fc
      .tuple(field(0, 59), field(0, 23), day, field(1, 12), weekday)
      .map((fields) => fields.join(" "));
    fc.assert(
      fc.property(expression, fc.integer({ min: 0, max: 4 * YEAR }), (written, offset) => {
        const theirs = new Cron(written, { timezone: "Etc/UTC" }).nextRuns(5, new Date(NEW_YEAR + offset));
        const ours = nextOccurrences(cron(written, "Etc/UTC"), NEW_YEAR + offset, 5);
        expect(text(ours)).toEqual(text(theirs.map(Number)));
      }),
      { numRuns: 300 },
    );
  });

  test("a year of minutes costs well under a second", () => {
    const before = process.cpuUsage();
    expect(countTo(cron("* * * * *", "America/New_York"), NEW_YEAR + YEAR)).toBe(525_600);
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_000);
  });
});
