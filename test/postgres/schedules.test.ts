// Schedules on a Postgres that several processes share: one fire each, the row that tells the next one, and whose files are in force.
import { expect, test } from "vitest";
import { openPostgres } from "../../adapters/postgres/open.ts";
import type { Store } from "../../src/ports/store.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { LAB_QUEUES, useLab } from "../contract/postgres-lab.ts";
import { cron, definition, every, ScheduleBench } from "../support/schedule-bench.ts";
import { holdsForAll } from "../support/schedule-property.ts";

const lab = useLab();
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** SCHEDULE_RUNS=500 for a night. */
const RUNS = Number(process.env["SCHEDULE_RUNS"] ?? 8);

test(
  "no sequence of edits, pauses, kills, rivals and clock steps loses an occurrence or fires one twice",
  async () => {
    await holdsForAll(async () => {
      const { store, clock } = await lab.open();
      return { store, clock, close: () => store.admin.close() };
    }, RUNS);
  },
  60_000 + RUNS * 10_000,
);

/** One more process on the lab's database; `clock`: a time of its own for what is not the store's. */
async function replica(clock?: ManualClock): Promise<Store> {
  const { connectionString } = await lab.database();
  return openPostgres({ connectionString, queues: LAB_QUEUES, ...(clock ? { clock } : {}) });
}

test("files that one process edits and puts back are in force at once, also while the clock steps back", async () => {
  const { store, clock } = await lab.open();
  try {
    const bench = new ScheduleBench(store, clock);
    const [before, after] = [definition("a", cron("*/10 * * * *")), definition("a", cron("5 * * * *"))];
    const inForce = async (): Promise<unknown> => (await bench.row("a")).definition.kind;
    await bench.declare(before);
    await bench.pass(-MINUTE);
    await bench.declare(after);
    expect(await inForce()).toEqual(after.kind);
    await bench.declare(before);
    expect(await inForce()).toEqual(before.kind);
    await bench.declare();
    expect((await bench.row("a")).state).toBe("removed");
    await bench.declare(after);
    await bench.declare();
    expect((await bench.row("a")).state).toBe("removed");
  } finally {
    await store.admin.close();
  }
});

test("five replicas account a thousand occurrences, each once", async () => {
  const { store, clock } = await lab.open();
  const stores = [store, ...(await Promise.all([1, 2, 3, 4].map(() => replica(clock))))];
  const files = Array.from({ length: 20 }, (_, index) => definition(`s${index}`, every(60)));
  const benches = stores.map((one) => new ScheduleBench(one, clock));
  try {
    for (const bench of benches) bench.files = new Map(files.map((file) => [file.scheduleId, file]));
    await Promise.all(benches.map((bench) => bench.scheduler.tick()));
    clock.move(SECOND);
    for (let minute = 0; minute < 50; minute += 1) {
      clock.move(MINUTE);
      await Promise.all(benches.map((bench) => bench.scheduler.tick()));
    }
    const tasks = await benches[0]!.tasks();
    expect(tasks).toHaveLength(1_000);
    expect(new Set(tasks.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1_000);
    const records = await lab.query<{ outcome: string; n: number }>(
      "select outcome, sum(number)::integer as n from chiron.occurrences group by outcome",
    );
    expect(records).toEqual([{ outcome: "fired", n: 1_000 }]);
    expect(benches.flatMap((bench) => bench.faults())).toEqual([]);
  } finally {
    await Promise.all(stores.map((one) => one.admin.close()));
  }
}, 120_000);

test("the database's clock decides when a replica's own is an hour wrong", async () => {
  const first = await lab.open();
  await first.store.admin.close();
  // Without a clock of the test's the store's time is the database's; the processes believe what they like.
  const stores = await Promise.all([replica(), replica()]);
  const [ahead, behind] = [new ManualClock(), new ManualClock()];
  ahead.move(Date.now() + 60 * MINUTE - ahead.now());
  behind.move(Date.now() - 60 * MINUTE - behind.now());
  const benches = [new ScheduleBench(stores[0]!, ahead), new ScheduleBench(stores[1]!, behind)];
  try {
    for (const bench of benches) await bench.declare(definition("a", { ...cron("* * * * * *"), catchup: "all" }));
    const begun = (await benches[0]!.row("a")).accountedTo;
    expect(Math.abs(begun - Date.now())).toBeLessThan(10 * SECOND);
    while ((await benches[0]!.row("a")).accountedTo < begun + 2 * SECOND) {
      await Promise.all(benches.map((bench) => bench.scheduler.tick()));
    }
    const fired = (await benches[0]!.records("a")).map(({ at, outcome }) => [at % SECOND, outcome]);
    expect(fired.length).toBeGreaterThanOrEqual(2);
    expect(fired.length).toBeLessThan(10);
    expect(fired.every(([rest, outcome]) => rest === 0 && outcome === "fired")).toBe(true);
    expect(await benches[0]!.tasks()).toHaveLength(fired.length);
  } finally {
    await Promise.all(stores.map((store) => store.admin.close()));
  }
});

test("a pass that fails at any of its statements leaves everything as it was, and the next one goes on", async () => {
  const { store, clock } = await lab.open();
  const bench = new ScheduleBench(store, clock);
  const tables = [
    "chiron.schedules",
    "chiron.occurrences",
    "chiron.start_keys",
    "chiron.tasks",
    "absurd.t_centaur_workflows",
    "absurd.r_centaur_workflows",
    "absurd.r_centaur_workflow_schedules",
  ];
  await lab.query(
    "create function public.fail() returns trigger language plpgsql as 'begin raise exception ''fails here''; end'",
  );
  try {
    await bench.declare(definition("a", { overlap: "queue" }));
    for (const [index, table] of tables.entries()) {
      const { version } = await bench.row("a");
      await lab.query(
        `create trigger fails before insert or update on ${table} for each row execute function public.fail()`,
      );
      await bench.pass(MINUTE);
      await lab.query(`drop trigger fails on ${table}`);
      expect((await bench.row("a")).version, table).toBe(version);
      expect(await bench.records("a")).toHaveLength(index);
      expect(bench.faults().at(-1)).toContain("fails here");
      await bench.pass(0);
      expect(await bench.records("a")).toHaveLength(index + 1);
      await bench.work();
    }
    expect(await bench.tasks()).toHaveLength(tables.length);
  } finally {
    await lab.query("drop function if exists public.fail() cascade");
    await store.admin.close();
  }
});

interface TickRow {
  readonly state: string;
  readonly schedule: string;
  readonly at: Date;
  readonly next: string;
}
const TICKS = `select r.state, t.params ->> 'schedule_id' as schedule, r.available_at as at, t.params ->> 'scheduled_at' as next
  from absurd.t_centaur_workflow_schedules t join absurd.r_centaur_workflow_schedules r on r.run_id = t.last_attempt_run
  where t.task_name = 'centaur.workflow.schedule_tick' order by 2`;

test("a sleeping tick task tells the next fire of each active schedule, and there is one however often it is looked at", async () => {
  const { store, clock } = await lab.open();
  const bench = new ScheduleBench(store, clock);
  const ticks = async () =>
    (await lab.query<TickRow>(TICKS)).map(
      ({ state, schedule, at }) => `${schedule} ${state} ${at.toISOString().slice(11, 19)}`,
    );
  try {
    const strange = { input: { text: "\u0000 \ud800" } };
    await bench.declare(definition("a", { ...cron("0 * * * *"), ...strange }), definition("b", cron("30 * * * *")));
    expect(await ticks()).toEqual(["a sleeping 23:00:00", "b sleeping 22:30:00"]);
    for (let round = 0; round < 100; round += 1) await bench.scheduler.tick();
    await bench.pass(20 * MINUTE);
    expect(await ticks()).toEqual(["a sleeping 23:00:00", "b sleeping 23:30:00"]);
    await bench.control.pause("a");
    expect(await ticks()).toEqual(["b sleeping 23:30:00"]);
    await bench.control.resume("a");
    await bench.declare(definition("a", cron("15 * * * *")));
    expect(await ticks()).toEqual(["a sleeping 23:15:00"]);
    // Even when nobody accounts it for a while, no worker of ours takes it.
    clock.move(120 * MINUTE);
    const request = { limit: 5, leaseMs: 60_000, owner: "x" };
    const queues = ["centaur_workflows", "centaur_workflows_etl"];
    await store.claims.claim(queues.map((queue) => ({ queue, ...request })));
    expect(await ticks()).toEqual(["a sleeping 23:15:00"]);
    await bench.scheduler.tick();
    expect(await ticks()).toEqual(["a sleeping 01:15:00"]);
    expect((await bench.tasks()).map(({ workflowName }) => workflowName)).toEqual(["b", "a"]);
  } finally {
    await store.admin.close();
  }
});

test("in a rolling deploy the newest files are in force, and an older replica neither removes nor changes them", async () => {
  const { store, clock } = await lab.open();
  const other = await replica(clock);
  const options = { removeAfterMs: 2 * MINUTE };
  const [old, young] = [new ScheduleBench(store, clock, options), new ScheduleBench(other, clock, options)];
  try {
    await old.declare(definition("kept", cron("0 0 1 1 *")));
    clock.move(5 * SECOND);
    await young.declare(definition("kept", cron("0 0 2 2 *")), definition("added", cron("0 0 3 3 *")));
    const { version } = await young.row("kept");
    for (let round = 0; round < 20; round += 1) {
      clock.move(15 * SECOND);
      // A replica of the old files that starts again in the middle is still one of the old files.
      if (round === 10) old.restart();
      await old.scheduler.tick();
      await young.scheduler.tick();
    }
    expect((await young.row("kept")).version).toBe(version);
    expect((await young.row("added")).state).toBe("active");
    // The deploy is rolled back: once the last process with the newer files is gone, the old ones are in force again.
    for (let round = 0; round < 20; round += 1) {
      clock.move(15 * SECOND);
      await old.scheduler.tick();
    }
    expect((await old.row("kept")).definition.kind).toEqual({ type: "cron", cron: "0 0 1 1 *" });
    expect((await old.row("added")).state).toBe("removed");
  } finally {
    await Promise.all([store.admin.close(), other.admin.close()]);
  }
});

test("files that come back after they were replaced long ago are new ones", async () => {
  const { store, clock } = await lab.open();
  const [first, second] = [new ScheduleBench(store, clock), new ScheduleBench(store, clock)];
  try {
    await first.declare(definition("a", cron("0 0 1 1 *")));
    clock.move(SECOND);
    await second.declare(definition("a", cron("0 0 2 2 *")));
    for (let round = 0; round < 60; round += 1) {
      clock.move(15 * SECOND);
      await second.scheduler.tick();
    }
    await first.scheduler.tick();
    expect((await first.row("a")).definition.kind).toEqual({ type: "cron", cron: "0 0 1 1 *" });
  } finally {
    await store.admin.close();
  }
});
