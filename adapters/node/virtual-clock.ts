// A clock that stands still until a test moves it. Sleeps end in the order of their times when the clock passes them. Batches still gather
// over one turn of the real event loop.
import type { Clock } from "../../src/ports/clock.ts";

interface Sleeper {
  readonly atMs: number;
  readonly order: number;
  readonly wake: () => void;
}

export class VirtualClock implements Clock {
  readonly #startMs: number;
  #nowMs: number;
  #furthestMs: number;
  #order = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(startMs: number) {
    this.#startMs = startMs;
    this.#nowMs = startMs;
    this.#furthestMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  /** Stands still, too, while the clock catches up with a step back. */
  monotonic(): number {
    this.#furthestMs = Math.max(this.#furthestMs, this.#nowMs);
    return this.#furthestMs - this.#startMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted || ms <= 0) return resolve();
      const sleeper: Sleeper = {
        atMs: this.#nowMs + ms,
        order: (this.#order += 1),
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener("abort", sleeper.wake);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", sleeper.wake);
    });
  }

  soon(work: () => void): void {
    setImmediate(work);
  }

  /** When the next sleeper wakes; null when nobody sleeps. */
  nextWake(): number | null {
    const next = this.#next();
    return next ? next.atMs : null;
  }

  /** Moves the clock forward, waking whoever is due on the way at its own time. Work that a waking starts gets its turn before the next one wakes. */
  async advance(ms: number): Promise<void> {
    const target = this.#nowMs + ms;
    for (;;) {
      const next = this.#next();
      if (!next || next.atMs > target) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
      await new Promise(setImmediate);
    }
    this.#nowMs = target;
  }

  /** Shows another time at once, an earlier one too, and then wakes whoever slept until then. */
  move(ms: number): void {
    this.#nowMs += ms;
    for (let next = this.#next(); next && next.atMs <= this.#nowMs; next = this.#next()) next.wake();
  }

  #next(): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (!first || sleeper.atMs < first.atMs || (sleeper.atMs === first.atMs && sleeper.order < first.order))
        first = sleeper;
    }
    return first;
  }
}
