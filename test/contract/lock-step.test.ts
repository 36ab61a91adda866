// SQLite and Postgres behave the same (invariant 22): random operations go to both, and every answer and everything that can be read is
// compared after each. fast-check prints the seed and the shortest sequence that tells them apart.
import fc from "fast-check";
import { test } from "vitest";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { json, LEASE_MS, onEvent, onTask, onTime, raw } from "./given.ts";
import { Pair, type Side } from "./lock-step-pair.ts";
import { deliver, DELIVERY_OUTCOMES } from "./lock-step-deliveries.ts";
import { changeSchedule, SCHEDULE_ACTS, SCHEDULE_IDS } from "./lock-step-schedules.ts";
import { ManualClock } from "./manual-clock.ts";
import { useLab } from "./postgres-lab.ts";

// Its ids rise within a millisecond, as SQLite's do, so that ties fall alike.
const lab = useLab({ prefer: "embedded" });

const QUEUES = ["centaur_workflows", "other"];
const VALUES = ["1", "-0", '{"b":1,"a":[1, 2]}', '"\\u0000 \\ud800 é"', "1e400", '{"name":"Ada"}', "null"].map(raw);
/** LOCK_STEP_RUNS=1000 for a night. */
const RUNS = Number(process.env["LOCK_STEP_RUNS"] ?? 20);
const FAILURE = { name: "$lease_expired", message: "gone\u0000" };

const pick = fc.nat({ max: 20 });
const value = fc.constantFrom(...VALUES);
const queue = fc.constantFrom(...QUEUES);
/** An operation of one kind, with fields; the weight says how often it comes. */
const op = <K extends string, T extends object = object>(
  kind: K,
  weight: number,
  fields: { [F in keyof T]: fc.Arbitrary<T[F]> },
): { weight: number; arbitrary: fc.Arbitrary<{ op: K } & T> } => ({
  weight,
  arbitrary: fc.record({ op: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<{ op: K } & T>,
});

const operation = fc.oneof(
  op("enqueue", 4, {
    queue,
    workflowName: fc.constantFrom("a", "b"),
    key: fc.option(fc.constantFrom("k1", "k2")),
    input: value,
    maxAttempts: fc.integer({ min: 1, max: 3 }),
  }),
  op("claim", 8, { queue, limit: fc.integer({ min: 1, max: 3 }) }),
  op("step", 4, { pick, name: fc.constantFrom("s1", "s2", "event:x", "nap"), value }),
  op("suspend", 6, {
    pick,
    event: fc.option(fc.constantFrom("x", "y")),
    delayMs: fc.option(fc.constantFrom(0, 1, 500, 40_000)),
    awaited: fc.option(pick),
    nap: fc.boolean(),
  }),
  op("complete", 3, { pick, value }),
  op("fail", 3, { pick, delayMs: fc.constantFrom(null, 0, 700) }),
  op("release", 1, { pick, delayMs: fc.constantFrom(0, 900) }),
  op("extend", 1, { pick }),
  op("stamp", 1, { pick }),
  op("held", 1, { pick }),
  op("cancel", 1, { pick }),
  op("retry", 2, { pick }),
  op("emit", 3, { name: fc.constantFrom("x", "y"), value }),
  op("move", 4, { ms: fc.constantFrom(1, 499, 1_000, 31_000) }),
  op("unpark", 1, { name: fc.constantFrom("a", "b") }),
  op("forget", 1, {}),
  op("deliver", 3, {
    key: fc.constantFrom("k1", "k2", "k3"),
    body: fc.constantFrom("{}", "\u00ff"),
    outcome: fc.constantFrom(...DELIVERY_OUTCOMES),
    queue,
  }),
  op("prune", 1, { keep: fc.integer({ min: 1, max: 3 }) }),
  op("schedule", 4, {
    id: fc.constantFrom(...SCHEDULE_IDS),
    act: fc.constantFrom(...SCHEDULE_ACTS),
    version: fc.nat({ max: 4 }),
  }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

test(
  "random operations are answered and shown alike",
  async () => {
    const property = fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: 60 }), async (operations) => {
      const clock = new ManualClock();
      const pair = new Pair({ clock, store: await openSqlite({ path: ":memory:", clock }) }, await lab.open());
      try {
        for (const each of operations) {
          // No two operations share a moment, so that nothing depends on how a store breaks ties.
          pair.move(each.op === "move" ? each.ms : 1);
          if (each.op === "claim") await pair.both("expire", expire);
          await pair.both(JSON.stringify(each), (side) => perform(side, each));
        }
      } finally {
        await pair.close();
      }
    });
    await fc.assert(property, { numRuns: RUNS });
  },
  RUNS * 5_000,
);

const expire = ({ given }: Side): Promise<unknown> =>
  given.store.claims.expire({ scope: "lapsed", owner: "x", failure: FAILURE, limit: 100 });

async function perform(side: Side, each: Operation): Promise<unknown> {
  const { given } = side;
  switch (each.op) {
    case "enqueue": {
      const { queue: to, workflowName, input, maxAttempts, key } = each;
      const cause = { kind: "webhook", ref: `for ${key}` } as const;
      const keyed = key === null ? {} : { idempotencyKey: key };
      const answer = await given.task({ queue: to, workflowName, input, maxAttempts, cause, ...keyed });
      if (answer.created) side.tasks.push(answer.taskId);
      return answer;
    }
    case "claim": {
      const runs = await given.claim({ queue: each.queue, limit: each.limit, generation: `g${each.limit}` });
      side.claims.push(...runs);
      return runs;
    }
    case "emit":
      return given.emit(each.name, each.value);
    case "unpark":
      return given.store.claims.unpark([each.name]);
    case "forget":
      return given.store.tasks.forget(given.clock.now() - 1_000, 100);
    case "schedule":
      return changeSchedule(side, each);
    case "deliver":
      return deliver(side, each);
    case "prune":
      return given.store.deliveries.prune({ beforeMs: given.clock.now() - 60_000, keep: each.keep, limit: 10 });
    case "move":
      return null;
    default:
      return onClaim(side, each);
  }
}

async function onClaim(side: Side, each: Extract<Operation, { pick: number }>): Promise<unknown> {
  const { given, claims } = side;
  const run = claims[each.pick % Math.max(1, claims.length)];
  if (!run) return null;
  switch (each.op) {
    case "step":
      return given.step(run, each.name, each.value, { position: "flow.py:3" });
    case "suspend": {
      const awaited = each.awaited === null ? undefined : claims[each.awaited % claims.length];
      const waits = [
        ...(each.event === null ? [] : [onEvent(each.event, each.delayMs)]),
        ...(awaited && awaited.taskId !== run.taskId ? [onTask(awaited.taskId)] : []),
        ...(each.nap ? [onTime(each.delayMs ?? 5, "nap")] : []),
      ];
      return given.suspend(run, ...(waits.length > 0 ? waits : [onTime(each.delayMs ?? 5)]));
    }
    case "complete":
      return given.complete(run, each.value);
    case "fail":
      return given.fail(run, each.delayMs, { name: "ValueError", message: "no \u0000", traceback: "line 1" });
    case "release":
      return given.store.claims.release([{ ...run, delayMs: each.delayMs }]);
    case "extend":
      return given.store.claims.extend([{ ...run, leaseMs: LEASE_MS }]);
    case "stamp":
      return given.store.progress.stamp([{ ...run, generation: `g${each.pick}` }]);
    case "held":
      return given.store.claims.held([run]);
    case "cancel":
      return given.cancel(run.taskId);
    case "retry":
      return given.retry(run.taskId);
  }
}

test("values of every kind come out as the same text", async () => {
  const clock = new ManualClock();
  const pair = new Pair({ clock, store: await openSqlite({ path: ":memory:", clock }) }, await lab.open());
  try {
    for (const text of [
      ...VALUES,
      json("é\u007f"),
      raw('"\ud800"'),
      raw(' {"a" : 1} '),
      raw(`${"[".repeat(600)}${"]".repeat(600)}`),
    ]) {
      pair.move(1);
      await pair.both("enqueue", (side) =>
        perform(side, { op: "enqueue", queue: "other", workflowName: "b", input: text, key: null, maxAttempts: 1 }),
      );
      await pair.both("claim", (side) => perform(side, { op: "claim", queue: "other", limit: 1 }));
      const last = pair.left.claims.length - 1;
      await pair.both("step", (side) => perform(side, { op: "step", pick: last, name: "s1", value: text }));
      await pair.both("complete", (side) => perform(side, { op: "complete", pick: last, value: text }));
    }
  } finally {
    await pair.close();
  }
});
