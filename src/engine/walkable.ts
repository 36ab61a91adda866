// The engine as a walk through time sees it: what is due, what is at work, and leases that outlast a move.
import { ALL_QUEUES } from "../core/queues.ts";
import type { Store } from "../ports/store.ts";
import { hold, type LeaseDeps } from "./leases.ts";
import type { Walkable } from "./time-walk.ts";
import type { Worker } from "./worker.ts";

/** What makes tasks by itself at times that it knows: schedules. */
export interface TimedSource {
  /** Does what is due now. */
  tick(): Promise<void>;
  /** Null: nothing will be due by itself. */
  nextDueAt(): Promise<number | null>;
}

export interface WalkableDeps {
  readonly store: Store;
  readonly worker: Worker;
  readonly leases: LeaseDeps;
  readonly sources: readonly TimedSource[];
}

export function createWalkable({ store, worker, leases, sources }: WalkableDeps): Walkable {
  return {
    async round() {
      for (const source of sources) await source.tick();
      await worker.tick();
    },
    busy: () => new Set(worker.attempts.keys()),
    isIdle: (except) => worker.isIdle(except),
    async nextDueAt() {
      const asked = [store.claims.nextDueAt(ALL_QUEUES), ...sources.map((source) => source.nextDueAt())];
      const times = (await Promise.all(asked)).filter((time) => time !== null);
      return times.length > 0 ? Math.min(...times) : null;
    },
    hold: (jumpMs) => hold(leases, jumpMs, () => worker.tick()),
  };
}
