// Fills a store with one of everything: tasks in every state, retries, waits of every kind, names and values that are hard to keep.
import { declaration, DEFINITION } from "../contract/schedules.ts";
import type { ClaimedRun } from "../../src/ports/store-types.ts";
import { generationOf, sourceOf } from "../contract/code.ts";
import { deliveriesOf } from "../contract/deliveries.ts";
import { BROKEN, json, newTask, onEvent, onTask, onTime, raw, type Given } from "../contract/given.ts";

const HARD_VALUES = [
  `{"b":1,"a":[1.0,1e3,-0],"a":2}`,
  `"\\u0000 nul, \\ud800 half a pair"`,
  `123456789012345678901234567890.10`,
  `{ "spaced" : [ 1 , 2 ] }`,
  "null",
  `"Ünïcödé \u{1F600}"`,
];
const HARD_NAMES = ["step with spaces", "a#2", "name\u0000with nul", "\ud800 half", "\uFFFE escape", "plain"];

/** The clock moves forward; nothing is left over but rows. */
export async function fillStore(given: Given): Promise<void> {
  await forgotten(given);
  await done(given);
  await failed(given);
  const sleeper = await sleeping(given);
  await given.emit("early", raw(HARD_VALUES[0]!));
  await given.emit("null \u0000", raw("null"));
  const sources = { "/app/workflows/a.py": sourceOf("print('a')\n".repeat(99)), "/app/Ünï.py": sourceOf("é") };
  await given.store.code.record(generationOf("generation \u0000", sources), Object.values(sources));
  await given.task({ workflowName: "pinned" });
  const pinned = await given.claimOne({ generation: "generation \u0000" });
  await given.store.claims.release([{ ...pinned, delayMs: 90_000 }]);
  const retried = await given.running({ workflowName: "retried", maxAttempts: 3 });
  await given.step(retried, "kept over attempts");
  await given.fail(retried, 90_000);
  given.clock.move(1_000);
  const again = await given.running({ workflowName: "again", maxAttempts: 1 });
  await given.fail(again);
  await given.retry(again.taskId);
  await given.running({ workflowName: "alive", parentTaskId: sleeper });
  await given.task({ workflowName: "pending", idempotencyKey: "key \u0000", harnessType: "codex" });
  await given.cancel((await given.task({ workflowName: "dropped", idempotencyKey: "plain key" })).taskId);
  await scheduled(given);
  await delivered(given);
}

/** Of every outcome, a repeated one with other bytes among them; one key outlives its delivery. */
async function delivered(given: Given): Promise<void> {
  const next = deliveriesOf(given);
  const { deliveries } = given.store;
  const body = Buffer.from([0, 255, 10, 13, 128]);
  await deliveries.record([next({ key: "webhook:gone \u0000" })]);
  given.clock.move(10);
  await deliveries.prune({ beforeMs: given.clock.now(), keep: 10, limit: 10 });
  await deliveries.record([
    next({ body }),
    next({ outcome: "filtered" }),
    next({ outcome: "handshake", sourceIp: null }),
  ]);
  await deliveries.record([next()]);
}

/** Occurrences of every outcome; what fired names a task that is there. */
async function scheduled({ store, clock }: Given): Promise<void> {
  const at = clock.now();
  const { scheduleId } = DEFINITION;
  await store.schedules.declare([declaration(at, { missingSince: at - 1 })]);
  const one = {
    at,
    to: at,
    count: 1,
    source: "schedule",
    reason: null,
    fireKey: null,
    tracked: false,
    task: null,
  } as const;
  const next = { nextAt: at + 60_000, dueAt: at + 60_001 };
  await store.schedules.account([
    {
      scheduleId,
      version: 1,
      accountedTo: at,
      ...next,
      records: [
        { ...one, to: at + 1, count: null, outcome: "skipped", reason: "paused" },
        { ...one, outcome: "held", fireKey: "held \u0000" },
        { ...one, outcome: "fired", fireKey: "f", tracked: true, task: newTask({ idempotencyKey: "plain key" }) },
      ],
    },
  ]);
}

async function forgotten(given: Given): Promise<void> {
  const run = await given.running({ workflowName: "forgotten", idempotencyKey: "forgotten" });
  await given.complete(run);
  given.clock.move(1_000);
  await given.store.tasks.forget(given.clock.now(), 10);
}

async function done(given: Given): Promise<void> {
  const { store, clock } = given;
  const cause = { kind: "webhook", ref: "delivery \u0000" } as const;
  const run = await given.running({
    workflowName: "done \u0000",
    input: raw(HARD_VALUES[2]!),
    idempotencyKey: "k",
    cause,
  });
  for (const [index, name] of HARD_NAMES.entries()) {
    await given.step(run, name, raw(HARD_VALUES[index]!), { durationMs: 0.125, position: `flows/a.py:${index}` });
  }
  const lines = HARD_VALUES.map((value, index) => ({
    taskId: run.taskId,
    runId: run.runId,
    at: clock.now() + index,
    level: "info" as const,
    source: "log" as const,
    message: `line ${index} \u0000`,
    fields: index % 2 === 0 ? raw(value) : null,
  }));
  // Lines wait for the next commit to ride along with.
  await Promise.all([store.logs.append(lines), store.progress.stamp([{ ...run, generation: "g1" }])]);
  await reachedOutside(given, run);
  clock.move(250);
  await given.complete(run, raw(HARD_VALUES[1]!));
}

/** One effect under way and one that failed. */
async function reachedOutside(given: Given, { taskId, runId, workflowName }: ClaimedRun): Promise<void> {
  const { store, clock } = given;
  const call = {
    taskId,
    runId,
    workflowName,
    kind: "slack",
    callType: "ctx.post_to_slack",
    nature: "real",
    by: "slack.com",
  } as const;
  const effects = HARD_NAMES.slice(0, 2).map((_, index) => ({
    ...call,
    id: `018bcfe5-6800-7000-8000-00000000000${index}`,
    target: HARD_NAMES[index + 2]!,
    ordinal: `${HARD_NAMES[index + 2]}/1`,
    key: null,
    startedAt: clock.now(),
    request: raw(HARD_VALUES[index]!),
  }));
  await store.effects.begin(effects);
  const end = { finishedAt: clock.now() + 5, answer: null, error: "no \u0000", progress: raw(HARD_VALUES[3]!) };
  await store.effects.finish([{ id: effects[1]!.id, state: "failed", ...end }]);
}

async function failed(given: Given): Promise<void> {
  const run = await given.running({ workflowName: "failed", maxAttempts: 1 });
  await given.fail(run, null, { ...BROKEN, message: "nul \u0000", traceback: "Traceback …", crash: "oom" });
}

/** One for each kind of wait, one of them over by its deadline; answers a task that sleeps. */
async function sleeping(given: Given) {
  const napping = await given.running({ workflowName: "napping" });
  await given.asleep(napping, onTime(60_000, "nap"), onEvent("news \u0000", null, "news"));
  const forever = await given.running({ workflowName: "forever" });
  await given.asleep(forever, onEvent("never"));
  const awaiting = await given.running({ workflowName: "awaiting", queue: "centaur_workflows_etl" });
  await given.asleep(awaiting, onTask(napping.taskId, 500_000));
  const late = await given.running({ workflowName: "late" });
  await given.asleep(late, onEvent("too late", 100));
  given.clock.move(200);
  const woken = await given.claimOne();
  // The name a store may keep the timed-out wait under.
  await given.step(woken, "event:too late$timeout", json("not a timeout"));
  await given.complete(woken, json(["timed out"]));
  return napping.taskId;
}
