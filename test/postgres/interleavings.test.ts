// Every transition of a run met by every other, while the first one's transaction is still open, and while the first one waits in the
// middle of its statement: it must end as if one had come after the other, whichever, and no run may be left behind.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootPostgres, type TestServer } from "../support/postgres-server.ts";
import { Courses, type HeldPoint, type Pair } from "./pair-courses.ts";
import { BEGINNING_NAMES, BEGINNINGS, type Beginning, type OperationName } from "./pair-operations.ts";
import { World } from "./pair-world.ts";

/** Worlds are independent of each other: while one waits for its server the next goes on. */
const WORLDS = 3;

const QUEUE = "centaur_workflows";
const HELD_POINTS: readonly HeldPoint[] = [
  {
    name: "the run",
    sql: `select $2::uuid, $3::text from absurd.r_${QUEUE} where task_id = $1 order by attempt desc limit 1 for update`,
  },
  { name: "absurd's task", sql: `select $2::uuid, $3::text from absurd.t_${QUEUE} where task_id = $1 for update` },
  { name: "Chiron's task", sql: "select $2::uuid, $3::text from chiron.tasks where task_id = $1 for update" },
  { name: "the child's run", sql: `select $1::uuid, $3::text from absurd.r_${QUEUE} where task_id = $2 for update` },
  { name: "the child", sql: "select $1::uuid, $3::text from chiron.tasks where task_id = $2 for update" },
  {
    name: "the event",
    sql: `insert into absurd.e_${QUEUE} (event_name, payload, emitted_at) select $3, null, 'epoch' from (values ($1::uuid, $2::uuid)) v
          on conflict (event_name) do update set payload = null`,
  },
];

function pairsOf(beginning: Beginning): Pair[] {
  const meant: readonly OperationName[] = BEGINNINGS[beginning];
  return meant.flatMap((first) => meant.map((second) => [first, second] as const));
}

// A test's time includes its wait for a free world.
describe.concurrent("two transitions at once", { timeout: 240_000 }, () => {
  let server: TestServer;
  const idle: Courses[] = [];
  const worlds: World[] = [];
  const waiting: ((courses: Courses) => void)[] = [];

  beforeAll(async () => {
    server = await bootPostgres({ settings: ["deadlock_timeout=20ms"] });
    for (let n = 0; n < WORLDS; n += 1) worlds.push(await World.open(server));
    const known = new Map<string, Promise<string>>();
    idle.push(...worlds.map((world) => new Courses(world, known)));
  });
  afterAll(async () => {
    for (const world of worlds) await world.close();
    await server.stop();
  });

  /** Runs the body with a world of its own. */
  async function alone<T>(body: (courses: Courses) => Promise<T>): Promise<T> {
    const courses = idle.pop() ?? (await new Promise<Courses>((resolve) => waiting.push(resolve)));
    try {
      return await body(courses);
    } finally {
      const next = waiting.shift();
      if (next) next(courses);
      else idle.push(courses);
    }
  }

  test.each(BEGINNING_NAMES)("from %s: the second starts inside the first's transaction", async (beginning) => {
    const wrong = await alone(async (courses) => {
      const found: string[] = [];
      for (const pair of pairsOf(beginning)) found.push(...(await courses.intoOpenTransaction(beginning, pair)));
      return found;
    });
    expect(wrong).toEqual([]);
  });

  test.each(BEGINNING_NAMES)("from %s: the second starts while the first waits in its middle", async (beginning) => {
    const wrong = await alone(async (courses) => {
      const found: string[] = [];
      for (const point of HELD_POINTS) {
        const free = new Set<OperationName>();
        for (const pair of pairsOf(beginning)) {
          if (free.has(pair[0])) continue;
          const one = await courses.aroundHeldPoint(beginning, pair, point);
          if (one === null) free.add(pair[0]);
          else found.push(...one);
        }
      }
      return found;
    });
    expect(wrong).toEqual([]);
  });
});
