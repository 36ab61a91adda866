// The only source of time and timers for core and engine: the real clock, one for tests that stands still until it is moved, and one for
// the dev engine that is real until somebody moves it.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go back; for durations. */
  monotonic(): number;
  /**
   * Resolves after `ms`, or at once when the signal aborts. Never rejects. Whoever waits for a moment looks at the clock again afterwards:
   * a clock that is moved or stands still shows another time than this one has slept.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs `work` after the I/O that is ready now has been handled: what gathers a batch. */
  soon(work: () => void): void;
}

export interface ClockReading {
  /** real: the machine's time. running: that and an offset. frozen: stands still. */
  readonly mode: "real" | "running" | "frozen";
  readonly nowMs: number;
  readonly realMs: number;
}

/** A clock that a person may move. Durations (`monotonic`) stay real. */
export interface MovableClock extends Clock {
  reading(): ClockReading;
  /** Shows this time from now on, going on at the machine's pace or standing still. Sleeps that are over by then end. */
  move(toMs: number, mode: "running" | "frozen"): void;
  /** Shows the machine's time again, even if that is earlier. */
  follow(): void;
}
