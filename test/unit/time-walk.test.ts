// Moving the time of a running engine: everything due happens in its order and at its time, and live work keeps its lease.
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMovableClock } from "../../adapters/node/movable-clock.ts";
import { TimeWalk, type MoveOptions } from "../../src/engine/time-walk.ts";
import type { MovableClock } from "../../src/ports/clock.ts";
import type { RunSession, RunStart } from "../../src/ports/host.ts";
import { openBench, type Bench } from "../support/engine-bench.ts";
import { script, wait } from "../support/scripted-host.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);
const WITHIN: MoveOptions = { limitMs: 60_000 };

let clock: MovableClock;
let bench: Bench<MovableClock>;
let walk: TimeWalk;

beforeEach(async () => {
  clock = createMovableClock();
  clock.move(START, "frozen");
  bench = await openBench({ clock, settings: { leaseMs: HOUR } });
  walk = new TimeWalk(clock, bench.engine.walkable, bench.bus, 1_000);
});

afterEach(() => bench.close());

const sleep = (start: RunStart, session: RunSession, name: string, ms: number) =>
  wait(start, session, { step: name, kind: "sleep", target: null, delayMs: ms });

/** A workflow that notes the time whenever it runs, and sleeps so long in between. */
function sleeper(name: string, ...naps: readonly number[]): string[] {
  const seen: string[] = [];
  bench.names.scripts.set(
    name,
    script(async (start, session) => {
      seen.push(new Date(clock.now()).toISOString());
      for (const [index, ms] of naps.entries()) await sleep(start, session, `nap ${index}`, ms);
      return null;
    }),
  );
  return seen;
}

test("an advance stops at every due moment on its way, in order", async () => {
  const often = sleeper("often", HOUR, HOUR, HOUR);
  const later = sleeper("later", 90 * 60_000, 24 * HOUR);
  await bench.create("often");
  await bench.create("later");
  const moved = await walk.move({ kind: "by", ms: 30 * HOUR }, { ...WITHIN, freeze: true });
  expect(moved).toEqual({ done: true, targetMs: START + 30 * HOUR, stops: 5, busy: 0 });
  expect(clock.now()).toBe(START + 30 * HOUR);
  const hours = (...times: readonly number[]) => times.map((hour) => new Date(START + hour * HOUR).toISOString());
  expect(often).toEqual(hours(0, 1, 2, 3));
  expect(later).toEqual(hours(0, 1.5, 25.5));
});

test("a jump makes late what was due on its way", async () => {
  const seen = sleeper("often", HOUR);
  const { taskId } = await bench.create("often");
  await bench.seen("run.sleeping", taskId);
  const moved = await walk.move({ kind: "by", ms: 30 * HOUR }, { ...WITHIN, freeze: true, jump: true });
  expect(moved).toMatchObject({ done: true, stops: 0 });
  expect(seen[1]).toBe(new Date(START + 30 * HOUR).toISOString());
});

test("next goes to the next due moment, and says when nothing is due any more", async () => {
  const seen = sleeper("once", HOUR);
  await bench.create("once");
  await walk.move({ kind: "next" }, WITHIN);
  expect(clock.now()).toBe(START + HOUR);
  expect(seen).toHaveLength(2);
  await expect(walk.move({ kind: "next" }, WITHIN)).rejects.toMatchObject({ code: "conflict" });
});

test("a failed attempt's back-off moves too", async () => {
  let attempts = 0;
  bench.names.scripts.set(
    "flaky",
    script(async () => {
      attempts += 1;
      if (attempts < 4) throw new Error("not yet");
      return attempts;
    }),
  );
  const { taskId } = await bench.create("flaky");
  await walk.move({ kind: "by", ms: HOUR }, WITHIN);
  expect(await bench.task(taskId)).toMatchObject({ state: "completed", attempts: 4 });
});

test("a run that is at work during the move keeps its lease and its claim", async () => {
  let finish = (): void => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  bench.names.scripts.set(
    "slow",
    script(async () => {
      await finished;
      return "done";
    }),
  );
  const { taskId } = await bench.create("slow");
  await bench.seen("run.started", taskId);
  const moved = await walk.move({ kind: "by", ms: 1_000 * HOUR }, { limitMs: 60_000, jump: true });
  expect(moved).toMatchObject({ done: true, busy: 1 });
  finish();
  await bench.seen("run.completed", taskId);
  expect(await bench.task(taskId)).toMatchObject({ state: "completed", attempts: 1 });
  expect(bench.events.filter(({ type }) => type === "run.lost" || type === "run.failed")).toEqual([]);
});

test("a walk whose time is up stops where it is and goes on when asked again", async () => {
  sleeper("often", ...Array.from({ length: 10 }, () => HOUR));
  await bench.create("often");
  const target = START + 20 * HOUR;
  const first = await walk.move({ kind: "to", toMs: target }, { limitMs: 0, freeze: true });
  expect(first.done).toBe(false);
  expect(clock.now()).toBeLessThan(target);
  const second = await walk.move({ kind: "to", toMs: target }, { ...WITHIN, freeze: true });
  expect(second).toMatchObject({ done: true, targetMs: target });
  expect(clock.now()).toBe(target);
});

test("the clock may go back, and what sleeps then sleeps longer", async () => {
  const seen = sleeper("once", HOUR);
  const { taskId } = await bench.create("once");
  await bench.seen("run.sleeping", taskId);
  await walk.move({ kind: "to", toMs: START - 24 * HOUR }, { ...WITHIN, freeze: true });
  await walk.move({ kind: "by", ms: 24 * HOUR }, { ...WITHIN, freeze: true });
  expect(seen).toHaveLength(1);
  await walk.move({ kind: "by", ms: HOUR }, { ...WITHIN, freeze: true });
  expect(seen).toHaveLength(2);
});

test("it runs on after a move unless it is to stand still, and follows the machine when it is told to", async () => {
  await walk.follow();
  expect(walk.reading().mode).toBe("real");
  await walk.move({ kind: "by", ms: HOUR }, WITHIN);
  expect(walk.reading().mode).toBe("running");
  expect(clock.now() - Date.now()).toBeGreaterThan(HOUR - 1_000);
  await walk.move({ kind: "by", ms: HOUR }, { ...WITHIN, freeze: true });
  const stood = clock.now();
  await walk.move({ kind: "by", ms: HOUR }, WITHIN);
  expect(clock.now()).toBe(stood + HOUR);
  await walk.follow();
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
  expect(bench.events.filter(({ type }) => type === "clock.moved")).toHaveLength(5);
});

test("times out of range and two moves at once are refused", async () => {
  await expect(walk.move({ kind: "to", toMs: 0 }, WITHIN)).rejects.toMatchObject({ code: "bad_request" });
  await expect(walk.move({ kind: "to", toMs: Number.NaN }, WITHIN)).rejects.toMatchObject({ code: "bad_request" });
  const first = walk.move({ kind: "by", ms: HOUR }, WITHIN);
  await expect(walk.move({ kind: "by", ms: HOUR }, WITHIN)).rejects.toMatchObject({ code: "conflict" });
  await first;
});

test("a sleep on the clock ends when a move passes its end, and on abort", async () => {
  const day = clock.sleep(24 * HOUR);
  clock.move(START + 24 * HOUR, "frozen");
  await day;
  const abort = new AbortController();
  const aborted = clock.sleep(24 * HOUR, abort.signal);
  abort.abort();
  await aborted;
});
