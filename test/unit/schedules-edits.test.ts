// Schedules whose files change: edited, disabled, removed, renamed, broken, and declared by several processes at once.
import { afterEach, expect, test } from "vitest";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { cron, definition, every, ScheduleBench, type BenchOptions } from "../support/schedule-bench.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

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

const changes = (b: ScheduleBench): string[] =>
  b.events.flatMap((event) => (event.type === "schedule.changed" ? [`${event.scheduleId} ${event.change}`] : []));

test("an edited cron takes effect at once: no extra fire, no lost one (conformance 95)", async () => {
  const b = await bench();
  await b.declare(definition("a", cron("10 * * * *")));
  b.clock.move(10 * MINUTE + 2 * SECOND);
  // The edit comes before the pass that would have seen 23:10.
  await b.declare(definition("a", cron("10,20 * * * *")));
  expect(await b.history("a")).toEqual(["23:10 fired"]);
  await b.pass(10 * MINUTE);
  await b.pass(50 * MINUTE);
  expect(await b.history("a")).toEqual(["23:10 fired", "23:20 fired", "00:10 fired"]);
  expect(changes(b)).toEqual(["a added", "a changed"]);
});

test("what is due is fired with the input of the definition it was due under", async () => {
  const b = await bench();
  await b.declare(definition("a", { input: { v: 1 } }));
  b.clock.move(MINUTE);
  await b.declare(definition("a", { input: { v: 2 } }));
  await b.pass(MINUTE);
  expect((await b.tasks()).map(({ input }) => (JSON.parse(input) as { v: number }).v)).toEqual([1, 2]);
  expect((await b.records("a")).map(({ revision }) => revision)).toEqual([1, 2]);
});

test("an interval whose input is edited keeps its beat, one whose length is edited begins anew", async () => {
  const b = await bench();
  await b.declare(definition("a", every(600)));
  b.clock.move(4 * MINUTE);
  await b.declare(definition("a", { ...every(600), input: { v: 2 } }));
  expect((await b.row("a")).nextAt).toBe(Date.UTC(2023, 10, 14, 23, 10));
  await b.declare(definition("a", every(300)));
  expect((await b.row("a")).nextAt).toBe(Date.UTC(2023, 10, 14, 23, 9));
});

test("a disabled schedule does not fire what was due, an enabled one counts from then on", async () => {
  const b = await bench();
  await b.declare(definition("a", cron("*/10 * * * *")));
  b.clock.move(25 * MINUTE);
  await b.declare(definition("a", { ...cron("*/10 * * * *"), enabled: false }));
  await b.pass(HOUR);
  expect(await b.history("a")).toEqual(["23:10-23:20 x2 disabled"]);
  await b.declare(definition("a", cron("*/10 * * * *")));
  await b.pass(10 * MINUTE);
  expect(await b.history("a")).toEqual(["23:10-23:20 x2 disabled", "00:30 fired"]);
  expect(changes(b)).toEqual(["a added", "a disabled", "a enabled"]);
});

test("a removed file stops firing, one that is back counts from then on (conformance 94)", async () => {
  const b = await bench();
  const others = definition("other", cron("0 0 1 1 *"));
  await b.declare(definition("a"), others);
  await b.pass(MINUTE);
  await b.declare(others);
  await b.pass(5 * MINUTE);
  expect((await b.control.list()).schedules.map(({ scheduleId }) => scheduleId)).toEqual(["other"]);
  await b.declare(definition("a"), others);
  await b.pass(MINUTE);
  expect(await b.history("a")).toEqual(["23:01 fired", "23:07 fired"]);
});

test("a schedule with a new id is a new one, and the old one is removed", async () => {
  const b = await bench();
  await b.declare(definition("old"));
  await b.pass(MINUTE);
  await b.declare(definition("new"));
  await b.pass(MINUTE);
  expect(await b.history("old")).toEqual(["23:01 fired"]);
  expect(await b.history("new")).toEqual(["23:02 fired"]);
});

test("a file that does not load removes nothing", async () => {
  const b = await bench();
  await b.declare(definition("a"));
  b.complete = false;
  await b.declare();
  expect((await b.row("a")).state).toBe("active");
});

test("a mistake in a schedule leaves it as it was, and others may go", async () => {
  const b = await bench();
  await b.declare(definition("a"), definition("b"));
  b.unsure.add("a");
  await b.declare();
  await b.pass(MINUTE);
  expect(await b.history("a")).toEqual(["23:01 fired"]);
  expect((await b.row("b")).state).toBe("removed");
});

test("where several processes declare, what is missing is removed only after a while", async () => {
  const b = await bench({ removeAfterMs: 2 * MINUTE });
  await b.declare(definition("a", cron("0 * * * *")));
  await b.declare();
  await b.pass(MINUTE);
  expect((await b.row("a")).missingSince).not.toBeNull();
  await b.declare(definition("a", cron("0 * * * *")));
  expect(await b.row("a")).toMatchObject({ state: "active", missingSince: null });
  await b.declare();
  await b.pass(MINUTE);
  expect((await b.row("a")).state).toBe("active");
  await b.pass(MINUTE);
  expect((await b.row("a")).state).toBe("removed");
});

test("a paused schedule records what it left out, and survives an edit and a restart", async () => {
  const b = await bench();
  await b.declare(definition("a", cron("*/10 * * * *")));
  b.clock.move(10 * MINUTE);
  await b.control.pause("a");
  await b.pass(15 * MINUTE);
  b.restart();
  await b.declare(definition("a", { ...cron("*/10 * * * *"), input: { v: 2 } }));
  await b.pass(20 * MINUTE);
  expect((await b.row("a")).pausedAt).not.toBeNull();
  expect(await b.history("a")).toEqual(["23:10 fired", "23:20 paused"]);
  await b.control.resume("a");
  await b.pass(5 * MINUTE);
  expect(await b.history("a")).toEqual(["23:10 fired", "23:20 paused", "23:30-23:40 x2 paused", "23:50 fired"]);
  expect(await b.control.resume("a")).toMatchObject({ schedule: { pausedAt: null } });
});

test("fire now starts a task beside the occurrences, with fields of its own, in any state", async () => {
  const b = await bench();
  await b.declare(
    definition("a", { input: { x: 1, y: 2, metadata: { source: "workflow_schedule" } }, enabled: false }),
  );
  const fired = await b.control.fire("a", { input: '{"y":3.0,"z":[1e2]}' as never });
  expect(fired).toMatchObject({ created: true, fireKey: "schedule:a:manual:2023-11-14T23:00:00+00:00" });
  const again = await b.control.fire("a", {});
  expect(again.created).toBe(true);
  const [first] = await b.tasks();
  expect(first!.input).toContain('"y":3.0,');
  expect(JSON.parse(first!.input)).toMatchObject({
    x: 1,
    y: 3,
    z: [100],
    metadata: { source: "workflow_schedule", fire: "manual" },
  });
  expect(first!.cause).toEqual({ kind: "schedule", ref: fired.fireKey });
  expect((await b.records("a")).map(({ source, outcome }) => [source, outcome])).toEqual([
    ["manual", "fired"],
    ["manual", "fired"],
  ]);
  const once = [await b.control.fire("a", { idempotencyKey: "k" }), await b.control.fire("a", { idempotencyKey: "k" })];
  expect(once.map(({ created }) => created)).toEqual([true, false]);
  expect(once[1]!.taskId).toBe(once[0]!.taskId);
});

test("a backfill fires what never fired, once, within its limit, and tells beforehand what it would", async () => {
  const b = await bench();
  await b.declare(definition("a", cron("*/10 * * * *")));
  await b.pass(50 * MINUTE);
  await b.pass(MINUTE);
  const range = { fromMs: Date.UTC(2023, 10, 14, 23, 10), toMs: Date.UTC(2023, 10, 14, 23, 51), limit: 10 };
  const statuses = async (more: object) =>
    (await b.control.backfill("a", { ...range, dryRun: false, ...more })).occurrences.map(({ status }) => status);
  expect(await statuses({ dryRun: true })).toEqual(["planned", "planned", "planned", "planned", "exists"]);
  expect(await b.tasks()).toHaveLength(1);
  expect(await statuses({})).toEqual(["fired", "fired", "fired", "fired", "exists"]);
  expect(await statuses({})).toEqual(["exists", "exists", "exists", "exists", "exists"]);
  expect(await b.tasks()).toHaveLength(5);
  expect(await b.control.backfill("a", { ...range, dryRun: true, limit: 2 })).toMatchObject({ truncated: true });
  const future = { ...range, toMs: b.clock.now() + 1, dryRun: false };
  await expect(b.control.backfill("a", future)).rejects.toMatchObject({ code: "bad_request" });
  const ancient = { fromMs: Date.UTC(1999, 11, 31), toMs: range.toMs, limit: 1, dryRun: true };
  await expect(b.control.backfill("a", ancient)).rejects.toThrow("before the year 2000");
  await expect(b.control.backfill("none", { ...range, dryRun: true })).rejects.toMatchObject({ code: "not_found" });
});

test("a backfill of a schedule that does not overlap runs one after another", async () => {
  const b = await bench();
  await b.declare(definition("a", { ...cron("*/10 * * * *"), overlap: "skip", enabled: true }));
  await b.pass(5 * MINUTE);
  const range = { fromMs: Date.UTC(2023, 10, 14, 22), toMs: Date.UTC(2023, 10, 14, 22, 30), limit: 10, dryRun: false };
  const { occurrences } = await b.control.backfill("a", range);
  expect(occurrences.map(({ status }) => status)).toEqual(["fired", "held", "held"]);
  for (let round = 0; round < 2; round += 1) {
    await b.work();
    await b.pass(SECOND);
  }
  expect(await b.tasks()).toHaveLength(3);
  expect((await b.records("a")).map(({ source, outcome }) => `${source} ${outcome}`)).toEqual(
    Array(3).fill("backfill fired"),
  );
});
