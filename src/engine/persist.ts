// Keeps a write of a running attempt alive through a store that cannot commit for a while (a full disk, a lost connection): the handler
// waits, nothing is lost, and the run goes on when the store does. It ends when the claim does.
import { ChironError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";

const RETRY_MS = 500;

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
  return error instanceof ChironError && (error.code === "store_full" || error.code === "store_unwritable");
}
