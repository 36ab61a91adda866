// A clock that stands still until a test moves it. Batches still gather over one turn of the real event loop.
import type { Clock } from "../../src/ports/clock.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** An ordinary moment: 2023-11-14T22:13:20Z. */
const START_MS = 1_700_000_000_000;

export class ManualClock implements Clock {
  #nowMs = START_MS;
  #sleepers: Sleeper[] = [];

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs - START_MS;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper = { atMs: this.#nowMs + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        resolve();
      });
    });
  }

  soon(work: () => void): void {
    setImmediate(work);
  }

  /** Lets time pass (or, with a negative number, go back) and wakes whoever slept until then. */
  move(ms: number): void {
    this.#nowMs += ms;
    const due = this.#sleepers.filter((sleeper) => sleeper.atMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.atMs > this.#nowMs);
    for (const sleeper of due) sleeper.wake();
  }
}
