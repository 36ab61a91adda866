// What becomes of occurrences: catch-up, overlap, jitter, edits, pauses, clock steps (decision D8; conformance 86 to 98).
import { afterEach, expect, test } from "vitest";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { cron, definition, every, ScheduleBench, type BenchOptions } from "../support/schedule-bench.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let open: ScheduleBench | null = null;
afterEach(async () => {
  await open?.store.admin.close();
  open = null;
});

/** At a full hour: 2023-11-14T23:00:00Z. */
async function bench(options: BenchOptions = {}): Promise<ScheduleBench> {
  const clock = new ManualClock();
  clock.move(Date.UTC(2023, 10, 14, 23) - clock.now());
  open = new ScheduleBench(await openSqlite({ path: ":memory:", clock }), clock, options);
  return open;
}

test("an occurrence fires once at its time, with the reference's key, cause, harness and input", async () => {
  const b = await bench();
  await b.declare(definition("a", { queue: "centaur_workflows_etl", maxAttempts: 2 }));
  await b.pass(59 * SECOND);
  expect(await b.tasks()).toEqual([]);
  await b.pass(SECOND);
  await b.pass(0);
  const [task, ...more] = await b.tasks();
  expect(more).toEqual([]);
  const key = "schedule:a:2023-11-14T23:01:00+00:00";
  expect(task).toMatchObject({
    idempotencyKey: key,
    cause: { kind: "schedule", ref: key },
    harnessType: "codex",
    queue: "centaur_workflows_etl",
    maxAttempts: 2,
  });
  expect(JSON.parse(task!.input)).toEqual({
    scheduled_for: "2023-11-14T23:01:00+00:00",
    metadata: {
      source: "workflow_schedule",
      workflow_name: "a",
      no_delivery: false,
      schedule_id: "a",
      scheduled_for: "2023-11-14T23:01:00+00:00",
    },
  });
  expect(b.pokes).toBeGreaterThan(0);
});

test("an interval fires after one interval, then aligned; ten missed ones give exactly one fire (conformance 89)", async () => {
  const b = await bench();
  b.clock.move(300);
  await b.declare(definition("a", every(60)));
  await b.pass(MINUTE);
  expect(await b.history("a")).toEqual([]);
  await b.pass(SECOND);
  expect(await b.history("a")).toEqual(["23:01:01 fired"]);
  await b.pass(10 * MINUTE + 7 * SECOND);
  expect(await b.history("a")).toEqual(["23:01:01 fired", "23:02:01-23:10:01 x9 catchup_latest", "23:11:01 fired"]);
  expect((await b.row("a")).nextAt).toBe(Date.UTC(2023, 10, 14, 23, 12, 1));
});

test("catch-up skip fires what is a moment late and nothing that was missed", async () => {
  const b = await bench();
  await b.declare(definition("a", { ...cron("0 * * * *"), catchup: "skip" }));
  await b.pass(HOUR + 30 * SECOND);
  await b.pass(3 * HOUR + 10 * MINUTE);
  expect(await b.history("a")).toEqual(["00:00 fired", "01:00-03:00 x3 catchup_skip"]);
});

test("catch-up all is bounded by age and by count, and starts the oldest first", async () => {
  const b = await bench();
  const policy = { catchup: "all", catchupLimit: 3, catchupWindowSeconds: 5 * 3_600 } as const;
  await b.declare(definition("a", { ...cron("0 * * * *"), ...policy }));
  await b.pass(9 * HOUR + MINUTE);
  expect(await b.history("a")).toEqual([
    "00:00-03:00 x4 catchup_window",
    "04:00-05:00 x2 catchup_limit",
    "06:00 fired",
    "07:00 fired",
    "08:00 fired",
  ]);
  expect((await b.tasks()).map(({ idempotencyKey }) => idempotencyKey!.slice(-14, -9))).toEqual([
    "06:00",
    "07:00",
    "08:00",
  ]);
});

test("a year of downtime is one late fire and one record, whatever the schedule's pace", async () => {
  const b = await bench();
  await b.declare(
    definition("seconds", cron("* * * * * *")),
    definition("hours", cron("0 * * * *")),
    definition("fast", every(1)),
    definition("all", { ...cron("* * * * *"), catchup: "all" }),
  );
  const began = performance.now();
  await b.pass(365 * DAY);
  expect(performance.now() - began).toBeLessThan(3_000);
  const counts = async (id: string) => (await b.records(id)).map(({ outcome, count }) => [outcome, count]);
  expect(await counts("hours")).toEqual([
    ["skipped", 8_759],
    ["fired", 1],
  ]);
  expect(await counts("fast")).toEqual([
    ["skipped", 31_535_999],
    ["fired", 1],
  ]);
  expect(await counts("seconds")).toEqual([
    ["skipped", null],
    ["fired", 1],
  ]);
  expect(await counts("all")).toEqual([
    ["skipped", null],
    ["skipped", 1_340],
    ...Array.from({ length: 100 }, () => ["fired", 1]),
  ]);
  expect((await b.row("seconds")).accountedTo).toBe(b.clock.now());
});

test("late starts after a downtime come at the start rate, and on-time ones are not held up by them", async () => {
  const b = await bench({ startRate: 2 });
  const late = Array.from({ length: 5 }, (_, index) => definition(`late-${index}`, cron("0 * * * *")));
  await b.declare(...late, definition("minutely"));
  await b.pass(HOUR + MINUTE);
  expect(await b.tasks()).toHaveLength(3);
  await b.pass(SECOND);
  expect(await b.tasks()).toHaveLength(5);
  await b.pass(SECOND);
  await b.pass(SECOND);
  expect(await b.tasks()).toHaveLength(6);
});

test("overlap skip leaves out what falls into an unfinished task's time", async () => {
  const b = await bench();
  await b.declare(definition("a", { overlap: "skip" }));
  for (let minute = 0; minute < 3; minute += 1) await b.pass(MINUTE);
  await b.work();
  await b.pass(MINUTE);
  expect(await b.history("a")).toEqual(["23:01 fired", "23:02-23:03 x2 overlap", "23:04 fired"]);
});

test("overlap queue starts held occurrences one after another, in order", async () => {
  const b = await bench();
  await b.declare(definition("a", { overlap: "queue" }));
  for (let minute = 0; minute < 3; minute += 1) await b.pass(MINUTE);
  expect(await b.history("a")).toEqual(["23:01 fired", "23:02 held", "23:03 held"]);
  expect(await b.row("a")).toMatchObject({ held: 2, running: 1 });
  await b.work();
  await b.pass(SECOND);
  expect(await b.history("a")).toEqual(["23:01 fired", "23:02 fired", "23:03 held"]);
  await b.work();
  await b.pass(SECOND);
  await b.work();
  expect((await b.tasks()).map(({ idempotencyKey }) => idempotencyKey!.slice(-14, -9))).toEqual([
    "23:01",
    "23:02",
    "23:03",
  ]);
  expect(await b.row("a")).toMatchObject({ held: 0, running: 0 });
});

test("a queue that is full skips, and held occurrences are given up with their schedule", async () => {
  const b = await bench();
  await b.declare(definition("a", { overlap: "queue" }));
  for (let minute = 0; minute < 104; minute += 1) await b.pass(MINUTE);
  expect(await b.row("a")).toMatchObject({ held: 100 });
  expect((await b.history("a")).at(-1)).toBe("00:42-00:44 x3 queue_full");
  await b.declare();
  const records = await b.records("a");
  expect(records.filter(({ reason }) => reason === "removed")).toHaveLength(100);
  expect(await b.tasks()).toHaveLength(1);
});

test("held occurrences start at once where overlaps are allowed by now", async () => {
  const b = await bench();
  await b.declare(definition("a", { overlap: "queue" }));
  for (let minute = 0; minute < 3; minute += 1) await b.pass(MINUTE);
  await b.declare(definition("a"));
  expect(await b.tasks()).toHaveLength(3);
});

test("jitter delays each occurrence by an amount of its own, the same in every process", async () => {
  const b = await bench();
  await b.declare(definition("a", { ...cron("0 * * * *"), jitterSeconds: 600 }));
  const delays = new Set<number>();
  for (let hour = 0; hour < 6; hour += 1) {
    const { nextAt, dueAt } = await b.row("a");
    delays.add(dueAt! - nextAt!);
    expect(dueAt! - nextAt!).toBeLessThanOrEqual(600 * SECOND);
    await b.pass(dueAt! - 1 - b.clock.now());
    expect(await b.tasks()).toHaveLength(hour);
    b.restart();
    await b.pass(1);
    expect(await b.tasks()).toHaveLength(hour + 1);
  }
  expect(delays.size).toBe(6);
});

test("a task's key, name and time stay those of the occurrence, not of its jitter", async () => {
  const b = await bench();
  await b.declare(definition("a", { ...cron("0 * * * *"), jitterSeconds: 600 }));
  await b.pass(HOUR + 10 * MINUTE);
  expect((await b.tasks())[0]!.idempotencyKey).toBe("schedule:a:2023-11-15T00:00:00+00:00");
});

test("what no process serves stays due, and follows its catch-up when it is served again", async () => {
  const b = await bench();
  await b.declare(definition("a", cron("0 * * * *")));
  b.unserved.add("a");
  await b.pass(3 * HOUR);
  expect(await b.history("a")).toEqual([]);
  b.unserved.delete("a");
  await b.pass(MINUTE);
  expect(await b.history("a")).toEqual(["00:00-01:00 x2 catchup_latest", "02:00 fired"]);
});

test("a clock that goes back an hour fires nothing twice, one that goes forward follows the catch-up", async () => {
  const b = await bench();
  await b.declare(definition("a", cron("*/10 * * * *")), definition("i", every(600)));
  await b.pass(HOUR);
  const before = [await b.history("a"), await b.history("i")];
  for (let step = 0; step < 6; step += 1) await b.pass(step === 0 ? -HOUR : 10 * MINUTE);
  expect([await b.history("a"), await b.history("i")]).toEqual(before);
  await b.pass(20 * MINUTE);
  expect((await b.history("a")).slice(before[0]!.length)).toEqual(["00:10 fired"]);
});

test("a clock that was a year ahead and came back does not silence a schedule", async () => {
  const b = await bench();
  await b.declare(definition("a", cron("0 * * * *")));
  await b.pass(365 * DAY);
  b.clock.move(-365 * DAY);
  b.restart();
  await b.scheduler.tick();
  await b.pass(HOUR);
  const fired = (await b.records("a")).filter(({ outcome }) => outcome === "fired");
  expect(fired.map(({ at }) => new Date(at).toISOString())).toEqual([
    "2024-11-13T23:00:00.000Z",
    "2023-11-15T00:00:00.000Z",
  ]);
});

test("one schedule whose writes fail does not stop another, and is named", async () => {
  const b = await bench();
  await b.declare(definition("bad"), definition("good"));
  const real = { ...b.store.schedules };
  b.store.schedules.account = (steps) =>
    steps.some(({ scheduleId }) => scheduleId === "bad")
      ? Promise.reject(new Error("disk on fire"))
      : real.account(steps);
  await b.pass(MINUTE);
  await b.pass(SECOND);
  expect((await b.tasks()).map(({ workflowName }) => workflowName)).toEqual(["good"]);
  expect(b.events.filter(({ type }) => type === "service.error")).toEqual([
    { type: "service.error", service: "schedule bad", message: "disk on fire" },
  ]);
  Object.assign(b.store.schedules, real);
  await b.pass(SECOND);
  expect(await b.tasks()).toHaveLength(2);
});

test("a thousand reconciliations write nothing", async () => {
  const b = await bench();
  await b.declare(definition("a"));
  const { version } = await b.row("a");
  for (let round = 0; round < 1_000; round += 1) await b.scheduler.tick();
  expect((await b.row("a")).version).toBe(version);
});
