// What happens after an attempt failed: the back-off between attempts and when to give up (decision D6).

export interface RetryPolicy {
  /** Delay ceiling of the first retry, in ms. */
  readonly baseMs: number;
  /** Largest ceiling, in ms. */
  readonly capMs: number;
  readonly factor: number;
}

/** D6: exponential with full jitter, 1 s base, 60 s cap. */
export const ATTEMPT_BACKOFF: RetryPolicy = { baseMs: 1_000, capMs: 60_000, factor: 2 };

/** The reference's default (reference behaviour, section 4.3). */
export const DEFAULT_MAX_ATTEMPTS = 5;

/** Upper bound of the delay before attempt `attempt + 1`, in ms. */
export function backoffCeilingMs(policy: RetryPolicy, attempt: number): number {
  return Math.min(policy.capMs, policy.baseMs * policy.factor ** Math.min(attempt - 1, 52));
}

/** Full jitter: uniform between 0 and the ceiling. `random` is in [0, 1). */
export function backoffDelayMs(policy: RetryPolicy, attempt: number, random: number): number {
  return Math.floor(random * (backoffCeilingMs(policy, attempt) + 1));
}

/** Whether a task with `maxAttempts` may be attempted again after attempt `attempt` failed. */
export function mayRetry(attempt: number, maxAttempts: number): boolean {
  return attempt < maxAttempts;
}
