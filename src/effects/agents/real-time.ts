// The time agents live in: they are outside, so theirs is the machine's, also where the runtime's own clock has been moved.
import type { Clock } from "../../ports/clock.ts";

/** setTimeout's largest delay; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const REAL_TIME: Clock = {
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
      const timer = setTimeout(done, Math.min(LONGEST_TIMER_MS, Math.max(0, ms) + 1));
      signal?.addEventListener("abort", done);
    }),
  soon: (work) => void setImmediate(work),
};
