// Cron expressions under both readings, by the times they give.
import { describe, expect, test } from "vitest";
import { readCron, type CronDialect } from "../../src/core/cron/expression.ts";
import { nextOccurrences } from "../../src/core/cron/occurrences.ts";

const NEW_YEAR = Date.UTC(2026, 0, 1); // a Thursday

function fires(cron: string, dialect: CronDialect, count = 5, zone = "UTC", after = NEW_YEAR): string[] {
  const read = readCron(cron, dialect);
  if (!read.ok) return [read.reason];
  return nextOccurrences({ kind: "cron", cron: read.expression, timezone: zone }, after, count).map((at) =>
    new Date(at).toISOString().slice(0, 16),
  );
}

const weekdays = (cron: string, dialect: CronDialect) =>
  [...new Set(fires(cron, dialect, 14).map((text) => new Date(`${text}Z`).getUTCDay()))].sort((a, b) => a - b);

describe("readCron", () => {
  test("1-5 is Monday to Friday, and Sunday to Thursday under quartz (conformance 87)", () => {
    expect(weekdays("0 9 * * 1-5", "unix")).toEqual([1, 2, 3, 4, 5]);
    expect(weekdays("0 9 * * 1-5", "quartz")).toEqual([0, 1, 2, 3, 4]);
  });

  test("0 and 7 are Sunday, and under quartz 0 is an error and 7 is Saturday (conformance 88)", () => {
    expect(weekdays("0 9 * * 0", "unix")).toEqual([0]);
    expect(weekdays("0 9 * * 7", "unix")).toEqual([0]);
    expect(weekdays("0 9 * * 7", "quartz")).toEqual([6]);
    expect(readCron("0 9 * * 0", "quartz")).toMatchObject({ ok: false });
    expect(readCron("0 9 * * 0-6", "quartz")).toMatchObject({ ok: false });
  });

  test("names mean the same in both dialects", () => {
    for (const dialect of ["unix", "quartz"] as const) {
      expect(weekdays("0 9 * * MON-FRI", dialect)).toEqual([1, 2, 3, 4, 5]);
      expect(weekdays("0 9 * * sun,Wed", dialect)).toEqual([0, 3]);
      expect(weekdays("0 9 * * */2", dialect)).toEqual([0, 2, 4, 6]);
    }
  });

  test("day of month and day of week: either one, and both under quartz (conformance 88)", () => {
    expect(fires("0 9 1 * MON", "unix", 3)).toEqual(["2026-01-01T09:00", "2026-01-05T09:00", "2026-01-12T09:00"]);
    expect(fires("0 9 1 * MON", "quartz", 2)).toEqual(["2026-06-01T09:00", "2027-02-01T09:00"]);
    expect(fires("0 9 1 * 2", "quartz", 1)).toEqual(["2026-06-01T09:00"]);
    expect(fires("0 9 ? * MON", "quartz", 1)).toEqual(["2026-01-05T09:00"]);
    expect(fires("0 9 1 * 1-7", "quartz", 2)).toEqual(["2026-01-01T09:00", "2026-02-01T09:00"]);
  });

  test("six fields begin with seconds, seven end with the year, in both dialects (conformance 88)", () => {
    for (const dialect of ["unix", "quartz"] as const) {
      expect(fires("30 0 9 * * MON", dialect, 1)).toEqual(["2026-01-05T09:00"]);
      expect(fires("0 0 9 * * MON 2028", dialect, 1)).toEqual(["2028-01-03T09:00"]);
    }
  });

  test("macros and steps from a number are read", () => {
    expect(fires("@weekly", "quartz", 1)).toEqual(["2026-01-04T00:00"]);
    expect(fires("@Hourly", "unix", 2)).toEqual(["2026-01-01T01:00", "2026-01-01T02:00"]);
    expect(fires("5/20 * * * *", "unix", 3)).toEqual(["2026-01-01T00:05", "2026-01-01T00:25", "2026-01-01T00:45"]);
    expect(fires("0 0/5 9 * * *", "quartz", 2)).toEqual(["2026-01-01T09:00", "2026-01-01T09:05"]);
    expect(weekdays("0 9 * * 2/2", "quartz")).toEqual([1, 3, 5]);
  });

  test.each([
    "",
    "* * * *",
    "61 * * * *",
    "0 9 * * 8",
    "0 9 * * MONDAY",
    "@reboot",
    "2027-01-01T00:00:00",
    "0 9 * * 5-",
    "* ".repeat(200),
  ])("%j is refused with a reason in both dialects", (cron) => {
    for (const dialect of ["unix", "quartz"] as const) expect(readCron(cron, dialect)).toMatchObject({ ok: false });
  });

  test("a numeric weekday is told, wherever it stands", () => {
    const numeric = (cron: string) => readCron(cron, "unix");
    for (const cron of ["0 9 * * 1-5", "0 9 * * MON,3", "0 0 9 * * 2"]) {
      expect(numeric(cron)).toMatchObject({ numericWeekday: true });
    }
    for (const cron of ["0 9 1 * MON", "0 9 * * */2", "0 9 * * FRI#2", "@daily"]) {
      expect(numeric(cron)).toMatchObject({ numericWeekday: false });
    }
  });

  test("nine o'clock in New York stays nine o'clock over both changes of the clock (conformance 86)", () => {
    const zone = "America/New_York";
    const spring = fires("0 9 * * MON-FRI", "unix", 2, zone, Date.UTC(2026, 2, 6, 12));
    expect(spring).toEqual(["2026-03-06T14:00", "2026-03-09T13:00"]);
    const autumn = fires("0 9 * * MON-FRI", "unix", 2, zone, Date.UTC(2026, 9, 30, 12));
    expect(autumn).toEqual(["2026-10-30T13:00", "2026-11-02T14:00"]);
  });

  test("a fixed time in a gap fires once right after it, in an overlap once; steps follow elapsed time (D7)", () => {
    const zone = "America/New_York";
    const gap = fires("30 2,14 * * *", "unix", 2, zone, Date.UTC(2026, 2, 8, 5));
    expect(gap).toEqual(["2026-03-08T07:00", "2026-03-08T18:30"]);
    const overlap = fires("30 1 * * *", "unix", 2, zone, Date.UTC(2026, 10, 1, 4));
    expect(overlap).toEqual(["2026-11-01T05:30", "2026-11-02T06:30"]);
    const steps = fires("*/30 * * * *", "unix", 4, zone, Date.UTC(2026, 10, 1, 5));
    expect(steps).toEqual(["2026-11-01T05:30", "2026-11-01T06:00", "2026-11-01T06:30", "2026-11-01T07:00"]);
  });
});
