// Claim-side writes are fenced by token, state and lease (invariants 6 to 8).
import { expect } from "vitest";
import type { ClaimToken, RunId } from "../../src/core/ids.ts";
import type { ClaimRef } from "../../src/ports/store-types.ts";
import type { Case } from "./case.ts";
import { LEASE_MS, onEvent, onTime, type Given } from "./given.ts";

type Answer = { readonly ok: boolean };

const WRITES: Record<string, (given: Given, ref: ClaimRef) => Promise<Answer>> = {
  extend: async (given, ref) => (await given.store.claims.extend([{ ...ref, leaseMs: LEASE_MS }]))[0]!,
  held: async (given, ref) => (await given.store.claims.held([ref]))[0]!,
  release: async (given, ref) => (await given.store.claims.release([ref]))[0]!,
  checkpoint: (given, ref) => given.step(ref, "stale"),
  suspend: (given, ref) => given.suspend(ref, onEvent("stale")),
  complete: (given, ref) => given.complete(ref),
  fail: (given, ref) => given.fail(ref, 0),
};

const LOST = { ok: false, reason: "lease_lost" };

/** Each way in which a claim ends while its old holder may still be writing. Answers the old claim. */
const TAKEOVERS: Record<string, (given: Given) => Promise<ClaimRef>> = {
  "after a sleep under the same run id": async (given) => {
    const stale = await given.running();
    await given.asleep(stale, onTime(10));
    given.clock.move(10);
    expect((await given.claimOne()).runId).toBe(stale.runId);
    return stale;
  },
  "after an event under the same run id": async (given) => {
    const stale = await given.running();
    await given.asleep(stale, onEvent("go"));
    await given.emit("go");
    expect((await given.claimOne()).runId).toBe(stale.runId);
    return stale;
  },
  "after a release and a new claim": async (given) => {
    const stale = await given.running();
    await given.store.claims.release([stale]);
    await given.claimOne();
    return stale;
  },
  "after its lease was taken over": async (given) => {
    const stale = await given.running();
    given.clock.move(LEASE_MS);
    const failure = { name: "$lease_expired", message: "" };
    await given.store.claims.expire({ scope: "lapsed", owner: "x", failure, limit: 1 });
    await given.claimOne();
    return stale;
  },
  "while the run sleeps": (given) => given.runIn("sleeping"),
  "while the run is pending": (given) => given.runIn("pending"),
  "at the moment its lease passes": async (given) => {
    const run = await given.running();
    given.clock.move(LEASE_MS);
    return run;
  },
  "with a made-up token": async (given) => ({ ...(await given.running()), claimToken: "owner-1:1" as ClaimToken }),
};

export function fencingContract(test: Case): void {
  for (const [when, takeover] of Object.entries(TAKEOVERS)) {
    test(`a write is refused ${when} and changes nothing`, async (given) => {
      const { runId, claimToken } = await takeover(given);
      const before = await given.found(runId);
      for (const [name, write] of Object.entries(WRITES)) {
        expect(await write(given, { runId, claimToken }), name).toEqual(LOST);
      }
      await given.store.progress.stamp([{ runId, claimToken, generation: "stale" }]);
      expect(await given.found(runId)).toEqual(before);
      expect((await given.store.reads.checkpoints(before.task.taskId)).map(({ name }) => name)).not.toContain("stale");
    });
  }

  test("an expired lease never revives, also when the clock goes back to before it", async (given) => {
    const run = await given.running();
    given.clock.move(LEASE_MS + 1);
    expect((await WRITES["extend"]!(given, run)).ok).toBe(false);
    const failure = { name: "$lease_expired", message: "" };
    await given.store.claims.expire({ scope: "lapsed", owner: "x", failure, limit: 1 });
    given.clock.move(-LEASE_MS);
    for (const write of Object.values(WRITES)) expect(await write(given, run)).toEqual(LOST);
  });

  test("a cancelled run's writes are told so", async (given) => {
    const run = await given.runIn("cancelled");
    for (const write of Object.values(WRITES)) {
      expect(await write(given, run)).toEqual({ ok: false, reason: "cancelled" });
    }
  });

  test("an unknown run's writes are told so", async (given) => {
    const ref = { runId: "01890000-0000-7000-8000-000000000000" as RunId, claimToken: "t" as ClaimToken };
    for (const write of Object.values(WRITES)) {
      expect(await write(given, ref)).toEqual({ ok: false, reason: "not_found" });
    }
  });

  test("a finished run's writes are refused, also by the one who finished it", async (given) => {
    for (const state of ["completed", "failed"] as const) {
      const run = await given.runIn(state);
      const before = await given.found(run.taskId);
      for (const write of Object.values(WRITES)) expect(await write(given, run)).toEqual(LOST);
      expect(await given.found(run.taskId)).toEqual(before);
    }
  });
}
