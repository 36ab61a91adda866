// The machine's time until somebody moves it; then that time and an offset, or one moment. Sleeps run on real timers, so that loops and
// streams go on while the clock stands still, and end early when a move passes their end.
import type { ClockReading, MovableClock } from "../../src/ports/clock.ts";
import { REAL_CLOCK } from "./real-clock.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: AbortController;
}

export function createMovableClock(real: Pick<typeof REAL_CLOCK, "now" | "sleep"> = REAL_CLOCK): MovableClock {
  let mode: ClockReading["mode"] = "real";
  let offsetMs = 0;
  let frozenMs = 0;
  const sleepers = new Set<Sleeper>();
  const now = (): number => (mode === "frozen" ? frozenMs : real.now() + offsetMs);
  return {
    now,
    monotonic: () => REAL_CLOCK.monotonic(),
    soon: (work) => REAL_CLOCK.soon(work),
    async sleep(ms, signal) {
      if (signal?.aborted) return;
      const sleeper = { atMs: now() + ms, wake: new AbortController() };
      const end = (): void => sleeper.wake.abort();
      sleepers.add(sleeper);
      signal?.addEventListener("abort", end);
      await real.sleep(ms, sleeper.wake.signal);
      signal?.removeEventListener("abort", end);
      sleepers.delete(sleeper);
    },
    reading: () => ({ mode, nowMs: now(), realMs: real.now() }),
    move(toMs, asked) {
      mode = asked;
      frozenMs = toMs;
      offsetMs = asked === "running" ? toMs - real.now() : 0;
      const passed = [...sleepers].filter(({ atMs }) => atMs <= toMs).toSorted((a, b) => a.atMs - b.atMs);
      for (const { wake } of passed) wake.abort();
    },
    follow() {
      mode = "real";
      offsetMs = 0;
    },
  };
}
