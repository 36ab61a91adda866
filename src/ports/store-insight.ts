// What tells a person why a run does not go on. Reads for one look, not for the engine's work: nothing is decided by them.
import type { RunId, TaskId } from "../core/ids.ts";

/** A claim that stands. */
export interface Holder {
  readonly runId: RunId;
  readonly taskId: TaskId;
  readonly workflowName: string;
  /** Names the process and its boot: what its claim request said. */
  readonly owner: string;
  readonly leaseUntil: number;
  readonly startedAt: number | null;
}

export interface Lane {
  /** Runs of the queue under a claim, the ones that began first; at most LANE_LIMIT. */
  readonly holders: readonly Holder[];
  /** Due runs that are claimed before this one; at most LANE_LIMIT are counted. */
  readonly ahead: number;
}

export const LANE_LIMIT = 1_000;

export interface EmittedName {
  readonly name: string;
  readonly emittedAt: number;
}

export interface StoreInsight {
  /** What stands before a run in its queue. */
  lane(queue: string, run: { readonly runId: RunId; readonly availableAt: number | null }): Promise<Lane>;
  /** The event of this name and its neighbours in the order of names: up to `limit` before and `limit` from it on. */
  eventsNear(name: string, limit: number): Promise<EmittedName[]>;
}
