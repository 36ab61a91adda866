// A year of 200 schedules: finding its occurrences, rehearsing it, and living through it on a clock that is moved, with every occurrence
// recorded and every run worked on by the real engine and store. The workflows are functions of this process: no Python is measured.
import path from "node:path";
import { createMovableClock } from "../../adapters/node/movable-clock.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { occurrencesAfter, type Timing } from "../../src/core/cron/occurrences.ts";
import { rehearse } from "../../src/core/cron/rehearsal.ts";
import { TimeWalk } from "../../src/engine/time-walk.ts";
import type { ScheduleDefinition } from "../../src/ports/store-schedules.ts";
import { openBench } from "../support/engine-bench.ts";
import { cron, definition, ScheduleBench } from "../support/schedule-bench.ts";
import { result } from "../support/scripted-host.ts";
import { atMost, type Bench, type Figure, type Section } from "./figures.ts";

const START = Date.UTC(2026, 0, 1);
const YEAR = Date.UTC(2027, 0, 1) - START;
const DAYS = 365;
const QUICK_DAYS = 30;
const DAY = 86_400_000;
const COUNT = 200;
const WORKFLOW = "bench_scheduled";
const RECONCILE_MS = 60_000;
const ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Asia/Tokyo", "Australia/Lord_Howe", "America/Santiago"];
/** What people schedule: mostly once a day or on workdays, some by the week and the month. */
const SHAPES = ["0 % * * *", "30 % * * *", "0 % * * MON-FRI", "15 % * * *", "0 % * * SUN", "30 % * * *", "0 % 1 * *"];

export const schedules: Section = {
  name: "schedules",
  title: `A year of ${COUNT} schedules`,
  async run(bench) {
    const declared = Array.from({ length: COUNT }, (_, index) => one(index));
    return [...computing(declared), ...(await living(bench, declared))];
  },
};

function one(index: number): ScheduleDefinition {
  const shape = SHAPES[index % SHAPES.length]!.replace("%", String((index * 7) % 24));
  const zone = ZONES[index % ZONES.length]!;
  return definition(`schedule-${index}`, { ...cron(shape, zone), workflowName: WORKFLOW });
}

const timing = ({ kind, timezone }: ScheduleDefinition): Timing => ({
  kind: "cron",
  cron: kind.type === "cron" ? kind.cron : "",
  timezone,
});

function computing(declared: readonly ScheduleDefinition[]): Figure[] {
  const count = (one: Timing): number => {
    let found = 0;
    for (const at of occurrencesAfter(one, START - 1)) {
      if (at >= START + YEAR) break;
      found += 1;
    }
    return found;
  };
  const timed = (work: () => number): { readonly ms: number; readonly size: number } => {
    const begun = performance.now();
    const size = work();
    return { ms: performance.now() - begun, size };
  };
  const all = timed(() => declared.reduce((sum, each) => sum + count(timing(each)), 0));
  const minutely = timed(() => count({ kind: "cron", cron: "* * * * *", timezone: "Africa/Casablanca" }));
  const rehearsed = declared.map((each) => ({
    id: each.scheduleId,
    timing: timing(each),
    overlap: "skip" as const,
    durationMs: 600_000,
    queue: "centaur_workflows",
  }));
  const range = { fromMs: START, toMs: START + YEAR, most: 1_000_000, mostHeld: 100 };
  const rehearsal = timed(() => rehearse(rehearsed, range).fires.length);
  const times = (size: number): string => `${size.toLocaleString("en")} occurrences`;
  return [
    { name: "finding the year's occurrences, first time", value: all.ms, unit: "ms", note: times(all.size) },
    { name: "the same of one minutely schedule", value: minutely.ms, unit: "ms", note: times(minutely.size) },
    {
      name: "rehearsing the year",
      value: rehearsal.ms,
      unit: "ms",
      target: atMost(1_000, 500),
      note: times(rehearsal.size),
    },
  ];
}

async function living(bench: Bench, declared: readonly ScheduleDefinition[]): Promise<Figure[]> {
  const days = bench.quick ? QUICK_DAYS : DAYS;
  const clock = createMovableClock();
  clock.move(START, "frozen");
  const store = await openSqlite({ path: path.join(bench.dir, "schedules", "chiron.db"), clock });
  const move = (ms: number): void => clock.move(clock.now() + ms, "frozen");
  const planned = new ScheduleBench(store, { ...clock, move }, { reconcileMs: RECONCILE_MS });
  planned.files = new Map(declared.map((each) => [each.scheduleId, each]));
  const engine = await openBench({ store, clock, sources: [planned.scheduler] });
  try {
    engine.names.scripts.set(WORKFLOW, async () => result(null));
    await planned.scheduler.tick();
    bench.say(`living through ${days} days`);
    const walk = new TimeWalk(clock, engine.engine.walkable, engine.bus);
    const begun = performance.now();
    const { stops } = await walk.move({ kind: "by", ms: days * DAY }, { limitMs: 3_600_000, freeze: true });
    const seconds = (performance.now() - begun) / 1_000;
    const ran = engine.events.filter(({ type }) => type === "run.completed").length;
    const note = `${ran.toLocaleString("en")} runs at ${stops.toLocaleString("en")} moments`;
    return [
      { name: `living through ${days} days`, value: seconds, unit: "s", note },
      { name: "occurrences fired, recorded, run and completed", value: ran / seconds, unit: "/s" },
    ];
  } finally {
    await engine.close();
  }
}
