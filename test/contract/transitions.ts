// The table of states: every operation from every state does what core/states.ts allows and nothing else (invariants 3 and 4).
import { expect } from "vitest";
import { isTerminal, mayBecome, STATES, type State } from "../../src/core/states.ts";
import type { ClaimedRun } from "../../src/ports/store-types.ts";
import type { Case } from "./case.ts";
import { onEvent, type Given } from "./given.ts";

interface Operation {
  readonly to: State;
  /** From which states it does its work; elsewhere it changes nothing. */
  readonly from: readonly State[];
  /** Answers whether the store said that it was done. */
  readonly run: (given: Given, run: ClaimedRun) => Promise<boolean>;
}

const OPERATIONS: Record<string, Operation> = {
  claim: {
    to: "running",
    from: ["pending"],
    run: async (given, { runId }) => (await given.claim()).some((run) => run.runId === runId),
  },
  release: {
    to: "pending",
    from: ["running"],
    run: async (given, run) => (await given.store.claims.release([run]))[0]!.ok,
  },
  suspend: {
    to: "sleeping",
    from: ["running"],
    run: async (given, run) => (await given.suspend(run, onEvent("never"))).ok,
  },
  emit: {
    to: "pending",
    from: ["sleeping"],
    run: async (given, { runId }) => (await given.emit("never")).woken.some((run) => run.runId === runId),
  },
  complete: { to: "completed", from: ["running"], run: async (given, run) => (await given.complete(run)).ok },
  fail: { to: "failed", from: ["running"], run: async (given, run) => (await given.fail(run)).ok },
  cancel: {
    to: "cancelled",
    from: ["pending", "running", "sleeping"],
    run: async (given, { taskId }) => {
      const answer = await given.cancel(taskId);
      return answer.ok && answer.changed;
    },
  },
  expire: {
    to: "failed",
    from: ["running"],
    run: async (given, { runId }) => {
      const failure = { name: "$lost", message: "the process is gone" };
      const expired = await given.store.claims.expire({ scope: "foreign", owner: "other", failure, limit: 10 });
      return expired.some((run) => run.runId === runId);
    },
  },
};

export function transitionsContract(test: Case): void {
  for (const [name, { to, from, run }] of Object.entries(OPERATIONS)) {
    for (const state of STATES) {
      const allowed = from.includes(state);
      test(`${name} ${allowed ? `takes a run from ${state} to ${to}` : `leaves a ${state} run alone`}`, async (given) => {
        const claimed = await given.runIn(state);
        const before = await given.found(claimed.taskId);
        expect(before.run.state).toBe(state);
        expect(await run(given, claimed)).toBe(allowed);
        const after = await given.found(claimed.taskId);
        if (allowed) expect(mayBecome(state, to)).toBe(true);
        else expect(after).toEqual(before);
        expect(after.run.state).toBe(allowed ? to : state);
        expect(after.task.state).toBe(after.run.state);
        expect(after.run.finishedAt === null).toBe(!isTerminal(after.run.state));
        expect(after.task.finishedAt).toBe(after.run.finishedAt);
      });
    }
  }

  test("a sleeping run whose time has come goes to running", async (given) => {
    const run = await given.running();
    await given.asleep(run, { step: "nap", kind: "sleep", target: null, delayMs: 1_000 });
    given.clock.move(1_000);
    expect((await given.claimOne()).runId).toBe(run.runId);
    expect(await given.stateOf(run.taskId)).toBe("running");
  });

  test("retry takes a failed task to a new pending run and leaves every other task alone", async (given) => {
    for (const state of STATES) {
      const run = await given.runIn(state);
      const before = await given.found(run.taskId);
      const answer = await given.retry(run.taskId);
      if (state === "failed") {
        expect(answer).toMatchObject({ ok: true, taskId: run.taskId, attempt: 2 });
        expect(await given.stateOf(run.taskId)).toBe("pending");
        expect(await given.stateOf(run.runId)).toBe("failed");
      } else {
        expect(answer).toEqual({ ok: false, reason: "not_failed", state });
        expect(await given.found(run.taskId)).toEqual(before);
      }
      if (!isTerminal(state)) await given.cancel(run.taskId);
      if (state === "failed") await given.cancel(run.taskId);
    }
  });
}
