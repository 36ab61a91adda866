// The real clock: the machine's time and Node's timers.
import type { Clock } from "../../src/ports/clock.ts";

/** setTimeout's largest delay; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const REAL_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      // Timers may fire a fraction early; a millisecond more keeps "never early" true.
      const timer = setTimeout(done, Math.min(LONGEST_TIMER_MS, Math.max(0, ms) + 1));
      signal?.addEventListener("abort", done);
    }),
  soon: (work) => void setImmediate(work),
};
