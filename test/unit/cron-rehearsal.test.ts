// Rehearsals: every occurrence of a range, marked by the clock and by the overlap rule.
import { describe, expect, test } from "vitest";
import { instantOf, wallTime } from "../../src/core/cron/clock-changes.ts";
import { rehearse, type Rehearsed } from "../../src/core/cron/rehearsal.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const at = (text: string) => Date.parse(text);
const one = (cron: string, more: Partial<Rehearsed> = {}, timezone = "America/New_York"): Rehearsed => ({
  id: "one",
  timing: { kind: "cron", cron, timezone },
  overlap: "allow",
  durationMs: null,
  queue: "centaur_workflows",
  ...more,
});
const range = (from: string, to: string, most = 100_000) => ({
  fromMs: at(from),
  toMs: at(to),
  most,
  mostHeld: 100,
});
const told = (schedule: Rehearsed, from: string, to: string) =>
  rehearse([schedule], range(from, to)).fires.map(({ atMs, mark, outcome }) =>
    [new Date(atMs).toISOString().slice(5, 16), mark, outcome].filter(Boolean).join(" "),
  );

describe("the clock", () => {
  test("a time out of a gap is marked as moved, times that come twice by their pass", () => {
    expect(told(one("30 2 * * *"), "2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z")).toEqual([
      "03-08T07:00 moved fires",
      "03-09T06:30 fires",
    ]);
    expect(told(one("30 1 * * *"), "2026-11-01T00:00:00Z", "2026-11-02T12:00:00Z")).toEqual([
      "11-01T05:30 first fires",
      "11-02T06:30 fires",
    ]);
    expect(told(one("*/30 * * * *"), "2026-11-01T04:30:00Z", "2026-11-01T07:30:00Z")).toEqual([
      "11-01T04:30 fires",
      "11-01T05:00 first fires",
      "11-01T05:30 first fires",
      "11-01T06:00 second fires",
      "11-01T06:30 second fires",
      "11-01T07:00 fires",
    ]);
  });

  test("a time that stands at the end of a gap is not a moved one", () => {
    expect(told(one("0,30 2,3 * * *"), "2026-03-08T05:00:00Z", "2026-03-08T08:00:00Z")).toEqual([
      "03-08T07:00 fires",
      "03-08T07:30 fires",
    ]);
  });

  test("the changes of every zone in the range are told", () => {
    const { changes } = rehearse(
      [one("0 9 * * *"), one("0 9 * * *", { id: "two" }, "UTC")],
      range("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    );
    expect(changes.get("UTC")).toEqual([]);
    expect(changes.get("America/New_York")).toEqual([
      { atMs: at("2026-03-08T07:00:00Z"), beforeMs: -5 * HOUR, afterMs: -4 * HOUR },
      { atMs: at("2026-11-01T06:00:00Z"), beforeMs: -4 * HOUR, afterMs: -5 * HOUR },
    ]);
  });

  test("a wall time becomes the instant that shows it, and back", () => {
    const wall = (text: string) => at(`${text}Z`);
    const zone = "America/New_York";
    expect(instantOf(zone, wall("2026-03-08T01:59:00"))).toBe(at("2026-03-08T06:59:00Z"));
    expect(instantOf(zone, wall("2026-03-08T02:30:00"))).toBe(at("2026-03-08T07:00:00Z"));
    expect(instantOf(zone, wall("2026-03-08T03:00:00"))).toBe(at("2026-03-08T07:00:00Z"));
    expect(instantOf(zone, wall("2026-11-01T01:30:00"))).toBe(at("2026-11-01T05:30:00Z"));
    expect(instantOf(zone, wall("2026-11-01T02:00:00"))).toBe(at("2026-11-01T07:00:00Z"));
    expect(instantOf("Pacific/Apia", wall("2011-12-30T12:00:00"))).toBe(at("2011-12-30T10:00:00Z"));
    expect(instantOf("Pacific/Kiritimati", wall("2026-06-01T00:00:00"))).toBe(at("2026-05-31T10:00:00Z"));
    expect(instantOf("Pacific/Pago_Pago", wall("2026-06-01T00:00:00"))).toBe(at("2026-06-01T11:00:00Z"));
    for (const text of ["2026-01-01T00:00:00Z", "2026-07-01T12:34:56Z"])
      expect(instantOf(zone, wallTime(zone, at(text)))).toBe(at(text));
  });
});

describe("overlaps", () => {
  const hourly = (overlap: Rehearsed["overlap"], durationMs: number | null) =>
    rehearse([one("0 * * * *", { overlap, durationMs }, "UTC")], range("2026-01-01T00:00:00Z", "2026-01-01T04:00:00Z"));

  test("allow starts beside what runs, and tells beside how many", () => {
    const { fires, running } = hourly("allow", 150 * MINUTE);
    expect(fires.map((fire) => fire.running)).toEqual([0, 1, 2, 2]);
    expect(running.get("centaur_workflows")).toEqual({ atMs: at("2026-01-01T02:00:00Z"), count: 3 });
  });

  test("skip leaves out what comes while a run is under way", () => {
    const { fires } = hourly("skip", 90 * MINUTE);
    expect(fires.map(({ outcome, reason }) => reason ?? outcome)).toEqual(["fires", "overlap", "fires", "overlap"]);
  });

  test("queue starts one after the other, and a full queue refuses", () => {
    const { fires } = hourly("queue", 90 * MINUTE);
    expect(fires.map(({ startMs }) => (startMs! - at("2026-01-01T00:00:00Z")) / MINUTE)).toEqual([0, 90, 180, 270]);
    expect(fires.map(({ outcome }) => outcome)).toEqual(["fires", "waits", "waits", "waits"]);
    const full = rehearse([one("* * * * *", { overlap: "queue", durationMs: 24 * HOUR }, "UTC")], {
      ...range("2026-01-01T00:00:00Z", "2026-01-01T04:00:00Z"),
      mostHeld: 10,
    });
    expect(full.fires.filter(({ outcome }) => outcome === "waits")).toHaveLength(10);
    expect(full.fires.filter(({ reason }) => reason === "queue_full")).toHaveLength(240 - 11);
  });

  test("without a known duration nothing overlaps", () => {
    expect(hourly("skip", null).fires.every(({ outcome }) => outcome === "fires")).toBe(true);
  });
});

test("the busiest moment is told, and an interval counts from its anchor", () => {
  const anchorMs = at("2026-01-01T00:10:00Z");
  const schedules = [
    one("0 0 * * *", { id: "a" }, "UTC"),
    one("0 */6 * * *", { id: "b" }, "UTC"),
    one("", { id: "c", timing: { kind: "interval", intervalMs: 8 * HOUR, anchorMs } }),
  ];
  const { fires, starts } = rehearse(schedules, range("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"));
  expect(starts).toEqual({ atMs: at("2026-01-01T00:00:00Z"), count: 2 });
  expect(fires.map(({ id, atMs }) => `${id} ${new Date(atMs).toISOString().slice(11, 16)}`)).toEqual([
    "a 00:00", "b 00:00", "c 00:10", "b 06:00", "c 08:10", "b 12:00", "c 16:10", "b 18:00",
  ]); // prettier-ignore
});

test("too many occurrences are cut at one moment for all schedules", () => {
  const schedules = [one("0 0 * * *", { id: "daily" }, "UTC"), one("* * * * *", { id: "minutely" }, "UTC")];
  const { fires, cutAtMs } = rehearse(schedules, range("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", 4_000));
  expect(cutAtMs).toBe(at("2026-01-02T09:20:00Z"));
  expect(fires.filter(({ id }) => id === "daily")).toHaveLength(2);
  expect(fires.filter(({ id }) => id === "minutely")).toHaveLength(2_000);
});

test("a year of fifty hourly schedules costs about a second, however busy the machine", () => {
  const schedules = Array.from({ length: 50 }, (_, index) =>
    one(`${index % 60} * * * *`, { id: `s${index}`, durationMs: 5 * MINUTE, overlap: "skip" }),
  );
  const before = process.cpuUsage();
  const { fires } = rehearse(schedules, range("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", 1_000_000));
  expect(fires).toHaveLength(50 * 365 * 24);
  expect(process.cpuUsage(before).user / 1_000).toBeLessThan(3_000);
});
