// Keeps a write of a running attempt alive through a store that cannot commit for a while (a full disk, a lost connection): the handler
// waits, nothing is lost, and the run goes on when the store does. It ends when the claim does.
import { ChironError, type ErrorCode } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";

const RETRY_MS = 500;

/** What a store that will be well again answers: no space, no rights for a while, no connection. */
const PASSING: ReadonlySet<ErrorCode> = new Set(["store_full", "store_unwritable", "unavailable"]);

/** Answers `op`'s value, trying again on store faults until the signal aborts; then answers null. Other errors pass through. */
export async function persist<T>(clock: Clock, signal: AbortSignal, op: () => Promise<T>): Promise<T | null> {
  for (;;) {
    try {
      return await op();
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await clock.sleep(RETRY_MS, signal);
    if (signal.aborted) return null;
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof ChironError && PASSING.has(error.code);
}
