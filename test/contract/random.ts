// Random sequences of operations against the little a test has to know: which claims are live, which values came first, what ended.
// fast-check prints the seed and the shortest failing sequence.
import fc from "fast-check";
import { expect } from "vitest";
import type { ClaimedRun } from "../../src/ports/store-types.ts";
import type { Case, WithStore } from "./case.ts";
import { json, onEvent, onTask, onTime, type Given } from "./given.ts";
import { Witness } from "./witness.ts";

const KEYS = ["k1", "k2"];
const STEPS = ["a", "b", "event:x", "sleep"];
const EVENTS = ["x", "y", "z"];
const FAILURE = { name: "$lease_expired", message: "gone" };

/** What is about a claim picks one of all claims so far, most of them stale. */
const pick = fc.nat({ max: 30 });

const operation = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant("enqueue" as const), key: fc.option(fc.constantFrom(...KEYS)) }),
  },
  { weight: 6, arbitrary: fc.record({ op: fc.constant("claim" as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("step" as const), pick, name: fc.constantFrom(...STEPS) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("suspend" as const),
      pick,
      event: fc.option(fc.constantFrom(...EVENTS)),
      delayMs: fc.option(fc.constantFrom(0, 1, 500, 40_000)),
      awaited: fc.option(pick),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("complete" as const), pick }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("fail" as const), pick, delayMs: fc.constantFrom(null, 0, 700) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("release" as const), pick, delayMs: fc.constantFrom(0, 900) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("cancel" as const), pick }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("retry" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("emit" as const), name: fc.constantFrom(...EVENTS) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("move" as const), ms: fc.constantFrom(1, 499, 1_000, 31_000) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("expire" as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("forget" as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

export function randomContract(
  _test: Case,
  withStore: WithStore,
  it: (title: string, body: () => Promise<void>) => void,
): void {
  it("no sequence of operations breaks an invariant or leaves a task stuck", async () => {
    const property = fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 60 }), (operations) =>
      withStore(async (given) => {
        const witness = new Witness(given);
        for (const each of operations) {
          await perform(given, witness, each);
          await witness.look();
        }
        await drain(given, witness);
      }),
    );
    await fc.assert(property, { numRuns: 40 });
  });
}

async function perform(given: Given, witness: Witness, each: Operation): Promise<void> {
  switch (each.op) {
    case "enqueue":
      return witness.enqueued(await given.task({ maxAttempts: 2, ...keyOf(each.key) }), each.key);
    case "claim":
      return witness.claimed(await given.claim({ limit: each.limit }));
    case "emit":
      await given.emit(each.name);
      return;
    case "move":
      return given.clock.move(each.ms);
    case "expire":
      await given.store.claims.expire({ scope: "lapsed", owner: "x", failure: FAILURE, limit: 10 });
      return;
    case "forget":
      return witness.forgotten(await given.store.tasks.forget(given.clock.now() - 1_000, 2));
    default:
      return onClaim(given, witness, each);
  }
}

async function onClaim(given: Given, witness: Witness, each: Extract<Operation, { pick: number }>): Promise<void> {
  const run = witness.claims[each.pick % Math.max(1, witness.claims.length)];
  if (!run) return;
  if (each.op === "cancel") return void (await given.cancel(run.taskId));
  if (each.op === "retry") return witness.retried(await given.retry(run.taskId));
  const mayWrite = await witness.mayWrite(run);
  const answer = await write(given, witness, run, each);
  expect(answer.ok, `${each.op} under ${run.claimToken}`).toBe(mayWrite);
  if (each.op === "step" || (each.op === "suspend" && "suspended" in answer && !answer.suspended)) return;
  if (answer.ok) witness.gaveUp(run);
}

async function write(
  given: Given,
  witness: Witness,
  run: ClaimedRun,
  each: Extract<Operation, { op: "step" | "suspend" | "complete" | "fail" | "release" }>,
) {
  switch (each.op) {
    case "step": {
      const answer = await given.step(run, each.name, json(witness.nextValue()));
      if (answer.ok) witness.renewed(run);
      return answer;
    }
    case "suspend": {
      const awaited = each.awaited === null ? undefined : witness.claims[each.awaited % witness.claims.length];
      const waits = [
        ...(each.event === null ? [] : [onEvent(each.event, each.delayMs)]),
        ...(awaited && awaited.taskId !== run.taskId ? [onTask(awaited.taskId)] : []),
      ];
      return given.suspend(run, ...(waits.length > 0 ? waits : [onTime(each.delayMs ?? 5)]));
    }
    case "complete":
      return given.complete(run);
    case "fail":
      return given.fail(run, each.delayMs);
    case "release":
      return (await given.store.claims.release([{ ...run, delayMs: each.delayMs }]))[0]!;
  }
}

/** When faults stop and everything awaited happens, every task comes to an end. */
async function drain(given: Given, witness: Witness): Promise<void> {
  for (const name of EVENTS) await given.emit(name);
  for (let round = 0; round < 40; round += 1) {
    given.clock.move(60_000);
    await given.store.claims.expire({ scope: "lapsed", owner: "x", failure: FAILURE, limit: 100 });
    await witness.look();
    const runs = await given.claim({ limit: 100 });
    witness.claimed(runs);
    await witness.look();
    for (const run of runs) expect((await given.complete(run)).ok).toBe(true);
    for (const run of runs) witness.gaveUp(run);
    await witness.look();
    if ((await given.store.reads.activeNames()).length === 0) return;
    // Two tasks may await each other: that is theirs to solve, by being cancelled.
    if (runs.length > 0) continue;
    for (const taskId of await given.store.reads.activeOf("greet", 1)) await given.cancel(taskId);
  }
  throw new Error("a task is stuck");
}

const keyOf = (key: string | null) => (key === null ? {} : { idempotencyKey: key });
