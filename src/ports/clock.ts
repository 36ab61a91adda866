// The only source of time and timers for core and engine. Two implementations: the real clock, and a virtual one that tests and
// the dev engine can move.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go back; for durations. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs `work` after the I/O that is ready now has been handled: what gathers a batch. */
  soon(work: () => void): void;
}
