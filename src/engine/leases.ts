// Keeps the claims of live runs and ends those that nobody keeps. The parent renews, never the handler's code: a blocked handler
// keeps its lease, a dead process loses it.
import type { Bus } from "../core/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { Failure } from "../ports/store-types.ts";
import type { Attempt } from "./attempt.ts";
import { createLoop, type Service } from "./service.ts";
import type { EngineSettings } from "./settings.ts";

export interface LeaseDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly settings: EngineSettings;
  readonly attempts: () => Iterable<Attempt>;
  readonly poke: () => void;
}

/** Runs ended in one sweep; more follow in the next transaction. */
const SWEEP_LIMIT = 500;

const LAPSED: Failure = {
  name: "$ClaimTimeout",
  message: "the lease passed without a sign of life from the process that held the run",
};
const ORPHANED: Failure = {
  name: "$RuntimeLost",
  message: "the runtime that held the run ended without giving it back",
};

/** Renews the leases of all live runs in one write. */
export function createRenewer(deps: LeaseDeps): Service {
  return createLoop("leases", deps.settings.renewMs, deps, () => renew(deps));
}

async function renew({ store, clock, settings, attempts }: LeaseDeps): Promise<void> {
  const live = [...attempts()];
  if (live.length === 0) return;
  const asked = clock.now();
  const refs = live.map(({ run }) => ({ runId: run.runId, claimToken: run.claimToken, leaseMs: settings.leaseMs }));
  const answers = await store.claims.extend(refs);
  answers.forEach((answer, index) => {
    if (answer.ok) live[index]!.renewed(asked + settings.leaseMs);
    else live[index]!.abort(answer.reason);
  });
}

/** Makes the leases of all live runs outlast a move of the clock by `jumpMs`, those included that a claim brings meanwhile. */
export async function hold(deps: LeaseDeps, jumpMs: number, claimed: () => Promise<unknown>): Promise<void> {
  const settings = { ...deps.settings, leaseMs: deps.settings.leaseMs + Math.max(0, jumpMs) };
  for (let held = new Set<Attempt>(); ;) {
    await claimed();
    const live = [...deps.attempts()];
    if (live.every((attempt) => held.has(attempt))) return;
    held = new Set(live);
    await renew({ ...deps, settings });
  }
}

/** Notices within `watchMs` that another process cancelled or took over a run of this one. Not needed where one process owns the store. */
export function createWatch(deps: LeaseDeps): Service {
  return createLoop("watch", deps.settings.watchMs, deps, async () => {
    const live = [...deps.attempts()];
    if (live.length === 0) return;
    const answers = await deps.store.claims.held(
      live.map(({ run }) => ({ runId: run.runId, claimToken: run.claimToken })),
    );
    answers.forEach((answer, index) => {
      if (!answer.ok) live[index]!.abort(answer.reason);
    });
  });
}

/** Ends lapsed claims; renews this process's own first, so that a machine that slept does not take its own runs for dead. */
export function createSweeper(deps: LeaseDeps): Service {
  return createLoop("sweeper", deps.settings.sweepMs, deps, async () => {
    await renew(deps);
    await expire(deps, "lapsed", LAPSED);
  });
}

/** Takes over what an earlier process of the same store left running; for a store with one owner, at its start. */
export function takeOver(deps: LeaseDeps): Promise<number> {
  return expire(deps, "foreign", ORPHANED);
}

async function expire(
  { store, settings, bus, poke }: LeaseDeps,
  scope: "lapsed" | "foreign",
  failure: Failure,
): Promise<number> {
  let total = 0;
  for (;;) {
    const expired = await store.claims.expire({ scope, owner: settings.owner, failure, limit: SWEEP_LIMIT });
    for (const { taskId, runId, workflowName, attempt, taskState } of expired) {
      const nextAttemptAt = taskState === "pending" ? 0 : null;
      bus.publish({
        type: "run.failed",
        taskId,
        runId,
        workflowName,
        attempt,
        name: failure.name,
        message: failure.message,
        nextAttemptAt,
      });
    }
    total += expired.length;
    if (expired.length < SWEEP_LIMIT) break;
  }
  if (total > 0) poke();
  return total;
}
