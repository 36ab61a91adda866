// SCHEDULE as files write it -> entries, and problems that disable one schedule alone.
import { describe, expect, test } from "vitest";
import { schedulesOf, type ScheduleOptions } from "../../src/catalog/declarations/schedule.ts";

const OPTIONS: ScheduleOptions = { defaultTimezone: "UTC", now: Date.UTC(2026, 0, 1) };

const read = (schedule: unknown, options = OPTIONS, workflowName = "report") =>
  schedulesOf({ workflowName, sourcePath: "/w/report.py", schedule }, new Map(), options);
const entryOf = (schedule: unknown, options = OPTIONS) => {
  const { entries, problems } = read(schedule, options);
  expect(problems.filter((problem) => problem.severity === "error")).toEqual([]);
  return entries[0]!;
};
const errorOf = (schedule: unknown) => {
  const { entries, problems } = read(schedule);
  expect(entries).toEqual([]);
  return problems.find((problem) => problem.severity === "error")!;
};

describe("schedulesOf", () => {
  test("the guide's schedule is taken over, with a warning that shows both readings of 1-5 (conformance 87)", () => {
    const { entries, problems } = read({
      type: "cron",
      cron: "0 9 * * 1-5",
      timezone: "America/New_York",
      input: { profile: "default" },
    });
    expect(entries).toMatchObject([
      {
        scheduleId: "report",
        kind: { type: "cron", cron: "0 9 * * 1-5" },
        timezone: "America/New_York",
        enabled: true,
        catchup: "latest",
        overlap: "allow",
      },
    ]);
    expect(problems).toHaveLength(1);
    const [warning] = problems;
    expect(warning).toMatchObject({ severity: "warning", kind: "schedule", path: "/w/report.py" });
    expect(warning!.message).toContain("in effect: unix");
    expect(warning!.message).toContain("Thu 2026-01-01 09:00, Fri 2026-01-02 09:00, Mon 2026-01-05 09:00");
    expect(warning!.message).toContain("otherwise: quartz");
    expect(warning!.message).toContain("Thu 2026-01-01 09:00, Sun 2026-01-04 09:00, Mon 2026-01-05 09:00");
    expect(warning!.message.match(/09:00/g)).toHaveLength(10);
  });

  test("a problem names its schedule, or its place in the list, and the line of the declaration", () => {
    const schedule = [{ schedule_id: "nightly", cron: "0 9 31 2 *" }, { interval_seconds: 0 }, 5];
    const workflow = { workflowName: "report", sourcePath: "/w/report.py", schedule, lines: { schedule: 7 } };
    const { problems } = schedulesOf(workflow, new Map(), OPTIONS);
    const errors = problems.filter(({ severity }) => severity === "error");
    expect(errors.map(({ message }) => message.split(":")[0])).toEqual([
      'schedule "nightly"',
      "SCHEDULE[1]",
      "SCHEDULE[2]",
    ]);
    expect(problems.map(({ line }) => line)).toEqual(problems.map(() => 7));
    expect(errorOf({ interval_seconds: 0 }).message).toMatch(/^SCHEDULE: /);
  });

  test("quartz is asked for by the file or by the project, and the file wins", () => {
    const cron = { cron: "0 9 * * 1-5", timezone: "UTC" };
    const quartz = { type: "cron", cron: "0 9 * * SUN-THU" };
    expect(entryOf({ ...cron, cron_dialect: "quartz" }).kind).toEqual(quartz);
    const project = { ...OPTIONS, cronDialect: "quartz" } as const;
    expect(entryOf(cron, project).kind).toEqual(quartz);
    expect(entryOf({ ...cron, cron_dialect: "unix" }, project).kind).toEqual({ type: "cron", cron: "0 9 * * 1-5" });
    expect(errorOf({ ...cron, cron_dialect: "croniter" }).message).toContain("cron_dialect");
  });

  test("a day of month with a named weekday warns as well, because the readings differ", () => {
    const { problems } = read({ cron: "0 9 1 * MON", timezone: "UTC" });
    expect(problems[0]!.message).toContain("both a day of the month and a day of the week");
  });

  test("a named weekday in a named zone has nothing to warn of", () => {
    expect(read({ cron: "0 9 * * MON-FRI", timezone: "Europe/Berlin" }).problems).toEqual([]);
  });

  test("no timezone is the project's default, UTC unless set, with a warning (conformance 91)", () => {
    const { entries, problems } = read({ cron: "@daily" }, { ...OPTIONS, defaultTimezone: "Europe/Berlin" });
    expect(entries[0]!.timezone).toBe("Europe/Berlin");
    expect(problems).toMatchObject([{ severity: "warning" }]);
    expect(read({ cron: "@daily", timezone: " " }).entries[0]!.timezone).toBe("UTC");
    expect(read({ interval_seconds: 60 }).problems).toEqual([]);
  });

  test.each([
    [{ interval_seconds: 900 }],
    [{ type: "interval", interval_seconds: 900 }],
    [{ type: "interval", seconds: 900 }],
    [{ seconds: 900 }],
    [{ interval: "15m" }],
  ])("%j is an interval of 900 s (conformance 89, 90)", (schedule) => {
    expect(entryOf(schedule).kind).toEqual({ type: "interval", interval_seconds: 900 });
  });

  test.each([[0], [-1], [1.5], ["900"], [true], [Number.NaN], [1e12], ["soon"], [{}]])(
    "an interval of %j is refused",
    (interval_seconds) => {
      expect(errorOf({ interval_seconds }).message).toContain("interval");
    },
  );

  test("cron wins over an interval, and one of them is needed", () => {
    expect(entryOf({ cron: "@daily", interval_seconds: 60, timezone: "UTC" }).kind.type).toBe("cron");
    expect(errorOf({ timezone: "UTC" }).message).toContain("neither cron nor interval_seconds");
  });

  test.each([[false], [0], ["false"], ["0"], ["No"], [" OFF "]])("enabled %j disables (conformance 93)", (enabled) => {
    expect(entryOf({ interval_seconds: 60, enabled }).enabled).toBe(false);
  });

  test("what is neither true nor false is refused, not guessed", () => {
    expect(entryOf({ interval_seconds: 60, enabled: "yes", no_delivery: "on" })).toMatchObject({
      enabled: true,
      noDelivery: true,
    });
    expect(errorOf({ interval_seconds: 60, enabled: "maybe" }).message).toContain("enabled");
  });

  test("input carries where it came from, and where to deliver (conformance 97)", () => {
    const { input } = entryOf({
      interval_seconds: 60,
      input: { profile: "p", metadata: { team: "ops", source: "mine" } },
      slack_channel: "#x",
      no_delivery: "true",
    });
    expect(input).toEqual({
      profile: "p",
      delivery: { platform: "slack", channel: "x" },
      metadata: { team: "ops", source: "workflow_schedule", workflow_name: "report", no_delivery: true },
    });
    expect(entryOf({ interval_seconds: 60, thread_key: "slack:C1:17.5" }).input).toMatchObject({
      thread_key: "slack:C1:17.5",
      delivery: { platform: "slack", channel: "C1", thread_ts: "17.5" },
    });
  });

  test("one bad schedule of a list disables itself alone", () => {
    const { entries, problems } = read([
      { schedule_id: "a", interval_seconds: 60 },
      { schedule_id: "b", cron: "61 * * * *", timezone: "UTC" },
      "text",
      { schedule_id: "a", interval_seconds: 60 },
      { interval_seconds: 60 },
    ]);
    expect(entries.map((entry) => entry.scheduleId)).toEqual(["a", "report-5"]);
    expect(problems.map((problem) => problem.severity)).toEqual(["error", "error", "error", "warning"]);
  });

  test("an id stays with the workflow that had it first", () => {
    const taken = new Map([["report", { workflowName: "older", sourcePath: "/w/older.py" }]]);
    const workflow = { workflowName: "report", sourcePath: "/w/report.py", schedule: { interval_seconds: 60 } };
    const { entries, problems } = schedulesOf(workflow, taken, OPTIONS);
    expect(entries).toEqual([]);
    expect(problems[0]!.message).toContain("is taken by older");
  });

  test("an unknown zone names the near ones", () => {
    expect(errorOf({ cron: "@daily", timezone: "America/NewYork" }).fix).toContain("America/New_York");
    expect(errorOf({ cron: "@daily", timezone: "+02:00" }).message).toContain("timezone");
  });

  test("a cron that never fires again is refused", () => {
    expect(errorOf({ cron: "0 0 30 2 *", timezone: "UTC" }).message).toContain("never fires");
    expect(errorOf({ cron: "0 0 9 * * * 2020", timezone: "UTC" }).message).toContain("never fires");
  });

  test("no schedule is no entry and no problem", () => {
    expect(read(null)).toEqual({ entries: [], problems: [] });
    expect(read([])).toEqual({ entries: [], problems: [] });
  });

  test("a name that is no id gives one", () => {
    const { entries } = read({ interval_seconds: 60 }, OPTIONS, "Nightly Report!");
    expect(entries[0]!.scheduleId).toBe("nightly-report-");
    const filled = read({ interval_seconds: 60, schedule_id: "Nightly Report!" }, OPTIONS, "Nightly Report!");
    expect(filled.entries).toEqual(entries);
  });
});
