// The engine's numbers, each with its reason. config.ts fills them from the environment and chiron.toml.
import { DEFAULT_CONCURRENCY, type Concurrency } from "../core/queues.ts";
import { ATTEMPT_BACKOFF, DEFAULT_MAX_ATTEMPTS, type RetryPolicy } from "../core/retry.ts";

export interface EngineSettings {
  /** Names this process and its boot in claim tokens. */
  readonly owner: string;
  readonly concurrency: Concurrency;
  /** Calls that take minutes: they end with the run that made them. */
  readonly longCalls: ReadonlySet<string>;
  /** Calls during which a run does not count against its queue's concurrency. */
  readonly lendDuring: ReadonlySet<string>;
  /** Runs of a queue that may wait in such calls beside those that count; more keep their place. */
  readonly lendLimit: number;
  readonly maxAttempts: number;
  readonly backoff: RetryPolicy;
  /** How long a claim lasts without a sign of life, in ms. */
  readonly leaseMs: number;
  /** How often leases of live runs are renewed, in ms. */
  readonly renewMs: number;
  /** Longest time between two looks for due work, in ms: what bounds the delay of a wake-up nobody announced. */
  readonly pollMs: number;
  /** How often a replica looks whether its live runs were cancelled or taken over elsewhere, in ms. */
  readonly watchMs: number;
  /** How often lapsed leases are looked for, in ms. */
  readonly sweepMs: number;
  /** One pass of the reaper, in ms; 0: never (WORKFLOW_RECONCILE_INTERVAL_SECS). */
  readonly reconcileMs: number;
  /** Passes a removed workflow's runs survive; 0: for ever (WORKFLOW_REAP_REMOVED_AFTER_TICKS). */
  readonly reapAfter: number;
  /** How long a stop waits for running work to reach its next checkpoint, in ms. */
  readonly graceMs: number;
  /** Finished tasks older than this are deleted, in ms; null: kept. */
  readonly retentionMs: number | null;
}

/** Reference behaviour, section 4.2, where a comment does not say otherwise. */
export const DEFAULT_SETTINGS: Omit<EngineSettings, "owner"> = {
  concurrency: DEFAULT_CONCURRENCY,
  longCalls: new Set(["ctx.agent_turn", "ctx.run_agents"]),
  lendDuring: new Set(),
  lendLimit: 32,
  maxAttempts: DEFAULT_MAX_ATTEMPTS,
  backoff: ATTEMPT_BACKOFF,
  leaseMs: 120_000,
  renewMs: 30_000,
  pollMs: 250,
  watchMs: 100,
  sweepMs: 5_000,
  reconcileMs: 60_000,
  reapAfter: 3,
  graceMs: 5_000,
  retentionMs: null,
};
