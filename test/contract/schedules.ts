// Schedules: declared, accounted and recorded as one, by whoever comes first, and never twice.
import { expect } from "vitest";
import type {
  Accounting,
  NewOccurrence,
  ScheduleDeclaration,
  ScheduleDefinition,
  SkipReason,
} from "../../src/ports/store-schedules.ts";
import type { Case } from "./case.ts";
import { newTask, type Given } from "./given.ts";

const MINUTE = 60_000;

export const DEFINITION: ScheduleDefinition = {
  scheduleId: "nightly",
  workflowName: "greet",
  sourcePath: "/w/greet.py",
  kind: { type: "cron", cron: "* * * * *" },
  timezone: "UTC",
  input: { a: 1, text: "\u0000 é" },
  enabled: true,
  noDelivery: false,
  catchup: "latest",
  catchupLimit: 100,
  catchupWindowSeconds: 86_400,
  overlap: "skip",
  jitterSeconds: 0,
  queue: null,
  maxAttempts: null,
};

export const declaration = (at: number, fields: Partial<ScheduleDeclaration> = {}): ScheduleDeclaration => ({
  scheduleId: DEFINITION.scheduleId,
  version: 0,
  revision: 1,
  definition: DEFINITION,
  state: "active",
  pausedAt: null,
  anchorAt: at,
  accountedTo: at,
  nextAt: at + MINUTE,
  dueAt: at + MINUTE,
  missingSince: null,
  ...fields,
});

const keyOf = (at: number): string => `schedule:nightly:${at}`;

const fired = (at: number, fields: Partial<NewOccurrence> = {}): NewOccurrence => ({
  at,
  to: at,
  count: 1,
  source: "schedule",
  outcome: "fired",
  reason: null,
  fireKey: keyOf(at),
  tracked: true,
  task: newTask({ idempotencyKey: keyOf(at), cause: { kind: "schedule", ref: keyOf(at) } }),
  ...fields,
});

const skipped = (at: number, to: number, count: number | null, reason: SkipReason = "overlap"): NewOccurrence => ({
  at,
  to,
  count,
  source: "schedule",
  outcome: "skipped",
  reason,
  fireKey: null,
  tracked: false,
  task: null,
});

const step = (version: number, at: number, ...records: NewOccurrence[]): Accounting => ({
  scheduleId: "nightly",
  version,
  accountedTo: at,
  nextAt: at + MINUTE,
  dueAt: at + MINUTE,
  records,
});

/** One active schedule whose first occurrence is a minute away. */
async function declared({ store, clock }: Given, fields: Partial<ScheduleDeclaration> = {}): Promise<number> {
  const start = clock.now();
  expect(await store.schedules.declare([declaration(start, fields)])).toEqual([{ ok: true }]);
  return start;
}

const CHANGED = { ok: false, reason: "changed" };

export function schedulesContract(test: Case): void {
  test("a schedule is found as it was declared, and declared once", async (given) => {
    const { schedules } = given.store;
    const start = await declared(given);
    expect(await schedules.declare([declaration(start)])).toEqual([CHANGED]);
    const { now, schedule } = await schedules.find("nightly");
    expect(now).toBe(start);
    const { version: _, ...row } = declaration(start);
    expect(schedule).toEqual({
      ...row,
      version: 1,
      createdAt: start,
      updatedAt: start,
      held: 0,
      running: 0,
      last: null,
    });
    expect(await schedules.list()).toEqual({ now: start, schedules: [schedule] });
    expect((await schedules.find("\u0000 none")).schedule).toBeNull();
  });

  test("a change that was made from an older version is refused and changes nothing", async (given) => {
    const { schedules } = given.store;
    const start = await declared(given);
    const paused = declaration(start, { version: 1, pausedAt: start });
    expect(await schedules.declare([paused])).toEqual([{ ok: true }]);
    expect(await schedules.declare([declaration(start, { version: 1 })])).toEqual([CHANGED]);
    expect(await schedules.account([step(1, start + MINUTE, fired(start + MINUTE))])).toEqual([CHANGED]);
    expect((await schedules.find("nightly")).schedule).toMatchObject({ pausedAt: start, version: 2 });
    expect(await given.store.reads.list({ limit: 5 })).toEqual([]);
  });

  test("an occurrence, its record and its task are one", async (given) => {
    const { schedules, reads } = given.store;
    const start = await declared(given);
    given.clock.move(MINUTE + 5);
    const at = start + MINUTE;
    const [answer] = await schedules.account([step(1, at, fired(at))]);
    if (!answer?.ok) throw new Error("refused");
    const [task] = answer.started;
    expect(task).toMatchObject({ attempt: 1, created: true });
    expect((await reads.find(task!.taskId))!.task).toMatchObject({
      cause: { kind: "schedule", ref: keyOf(at) },
      idempotencyKey: keyOf(at),
      state: "pending",
    });
    const [record] = await schedules.occurrences({ scheduleId: "nightly", limit: 10 });
    expect(record).toMatchObject({ at, to: at, count: 1, outcome: "fired", taskId: task!.taskId, revision: 1 });
    expect((await schedules.find("nightly")).schedule).toMatchObject({
      version: 2,
      accountedTo: at,
      running: 1,
      last: record,
    });
  });

  test("of two who account the same occurrence one is told that the other was first", async (given) => {
    const { schedules, reads } = given.store;
    const start = await declared(given);
    const at = start + MINUTE;
    const answers = await Promise.all([1, 2, 3].map(() => schedules.account([step(1, at, fired(at))])));
    expect(answers.flat().filter(({ ok }) => ok)).toHaveLength(1);
    expect(await reads.list({ limit: 5 })).toHaveLength(1);
    expect(await schedules.occurrences({ scheduleId: "nightly", limit: 5 })).toHaveLength(1);
  });

  test("steps of one schedule follow each other in one call", async (given) => {
    const { schedules } = given.store;
    const start = await declared(given);
    const [first, second] = [start + MINUTE, start + 2 * MINUTE];
    const answers = await schedules.account([
      step(1, first, fired(first)),
      step(2, second, fired(second)),
      step(2, second),
    ]);
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, false]);
    const records = await schedules.occurrences({ scheduleId: "nightly", ascending: true, limit: 5 });
    expect(records.map(({ at }) => at)).toEqual([first, second]);
  });

  test("a fire key that has started a task starts no other", async (given) => {
    const { schedules } = given.store;
    const start = await declared(given);
    const at = start + MINUTE;
    const earlier = await given.task({ idempotencyKey: keyOf(at) });
    const [answer] = await schedules.account([step(1, at, fired(at))]);
    expect(answer).toMatchObject({ ok: true, started: [{ taskId: earlier.taskId, created: false }] });
  });

  test("skipped occurrences continue a record that says the same", async (given) => {
    const { schedules } = given.store;
    const start = await declared(given);
    const at = (minutes: number): number => start + minutes * MINUTE;
    await schedules.account([
      step(1, at(2), skipped(at(1), at(2), 2)),
      step(2, at(3), skipped(at(3), at(3), 1)),
      step(3, at(4), skipped(at(4), at(4), 1, "paused")),
      step(4, at(9), skipped(at(5), at(9), null, "paused")),
      step(5, at(10), fired(at(10)), skipped(at(10), at(10), 1)),
    ]);
    const records = await schedules.occurrences({ scheduleId: "nightly", ascending: true, limit: 9 });
    expect(records.map(({ at: from, to, count, reason }) => [from, to, count, reason])).toEqual([
      [at(1), at(3), 3, "overlap"],
      [at(4), at(9), null, "paused"],
      [at(10), at(10), 1, null],
      [at(10), at(10), 1, "overlap"],
    ]);
  });

  test("what is due comes with the time of the next one, and paused and inactive ones never are", async (given) => {
    const { schedules } = given.store;
    const start = await declared(given);
    const other = (id: string, fields: Partial<ScheduleDeclaration>): ScheduleDeclaration => {
      const definition = { ...DEFINITION, scheduleId: id };
      return declaration(start, { scheduleId: id, definition, ...fields });
    };
    await schedules.declare([
      other("later", { nextAt: start + 3 * MINUTE, dueAt: start + 3 * MINUTE }),
      other("paused", { pausedAt: start }),
      other("off", { state: "disabled" }),
      other("gone", { state: "removed", nextAt: null, dueAt: null }),
    ]);
    expect(await schedules.due(10)).toEqual({ now: start, schedules: [], nextDueAt: start + MINUTE });
    given.clock.move(MINUTE);
    const due = await schedules.due(10);
    expect(due.schedules.map(({ scheduleId }) => scheduleId)).toEqual(["nightly"]);
    expect(due.nextDueAt).toBe(start + 3 * MINUTE);
    expect((await schedules.list()).schedules).toHaveLength(5);
  });

  test("a held occurrence stays due until it is settled under its key", async (given) => {
    const { schedules } = given.store;
    const start = await declared(given);
    const at = start + MINUTE;
    const held = { ...fired(at), outcome: "held", task: null, tracked: false } as const;
    await schedules.account([step(1, at, held)]);
    const [waiting] = (await schedules.due(10)).schedules;
    expect(waiting).toMatchObject({ held: 1, version: 2, last: { outcome: "held", taskId: null } });
    await schedules.account([step(2, at, fired(at))]);
    expect((await schedules.due(10)).schedules).toEqual([]);
    const records = await schedules.occurrences({ scheduleId: "nightly", limit: 5 });
    expect(records).toMatchObject([{ at, outcome: "fired", fireKey: keyOf(at) }]);
    expect(records[0]!.seq).toBe(waiting!.last!.seq);
  });

  test("a tracked task counts as running until it has ended", async (given) => {
    const { schedules } = given.store;
    const start = await declared(given);
    const at = start + MINUTE;
    await schedules.account([step(1, at, fired(at))]);
    expect((await schedules.find("nightly")).schedule!.running).toBe(1);
    await given.complete(await given.claimOne());
    expect((await schedules.find("nightly")).schedule!.running).toBe(0);
  });

  test("records are listed by outcome, by key and from a cursor", async (given) => {
    const { schedules } = given.store;
    const start = await declared(given);
    const times = [1, 2, 3].map((minutes) => start + minutes * MINUTE);
    await schedules.account(times.map((at, index) => step(index + 1, at, fired(at), skipped(at, at, 1))));
    const all = { scheduleId: "nightly", limit: 10 } as const;
    const [newest, second] = await schedules.occurrences({ ...all, outcome: "fired" });
    expect(newest!.at).toBe(times[2]);
    expect(await schedules.occurrences({ ...all, outcome: "fired", before: newest!.seq, limit: 1 })).toEqual([second]);
    const fireKeys = [keyOf(times[0]!), keyOf(times[1]!), "none"];
    expect((await schedules.occurrences({ ...all, fireKeys })).map(({ at }) => at)).toEqual(
      expect.arrayContaining(times.slice(0, 2)),
    );
  });

  test("old records are forgotten, what is held is not", async (given) => {
    const { schedules } = given.store;
    const start = await declared(given);
    const [first, second] = [start + MINUTE, start + 2 * MINUTE];
    const held = { ...fired(second), outcome: "held", task: null, tracked: false } as const;
    await schedules.account([step(1, first, fired(first), skipped(first, first, 1)), step(2, second, held)]);
    given.clock.move(MINUTE);
    expect(await schedules.forget(given.clock.now(), 1)).toBe(1);
    expect(await schedules.forget(given.clock.now(), 10)).toBe(1);
    expect(await schedules.occurrences({ scheduleId: "nightly", limit: 5 })).toMatchObject([{ outcome: "held" }]);
  });
}
