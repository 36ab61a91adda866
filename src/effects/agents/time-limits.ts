// The two clocks of a turn: how long an agent may be silent and how long it may take in all. Both end the turn through one signal.
import { ChironError } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";

export interface Limits {
  /** Null: silence is nobody's business here. */
  readonly idleTimeoutMs: number | null;
  readonly maxDurationMs: number;
}

export interface TimeLimits {
  /** Aborts with the outer signal's reason, or with a ChironError that names the limit that was passed. */
  readonly signal: AbortSignal;
  /** The agent has said something. */
  readonly touch: () => void;
  /** Ends both clocks; nothing is left running. */
  stop(): void;
}

/** `what` begins the error: `agent codex on thread wf:…`. */
export function startTimeLimits(clock: Clock, limits: Limits, outer: AbortSignal, what: string): TimeLimits {
  const ending = new AbortController();
  const stopped = new AbortController();
  const begun = clock.monotonic();
  let heard = begun;
  const expire = (message: string, hint: string, fault: string): void => {
    if (!stopped.signal.aborted)
      ending.abort(new ChironError("upstream", `${what} ${message}`, { hint, details: { fault } }));
  };
  const idle = async (idleMs: number): Promise<void> => {
    while (!stopped.signal.aborted) {
      const left = heard + idleMs - clock.monotonic();
      if (left <= 0) {
        const hint = "Let it write as it works (streamed output), or raise idle_timeout_ms of the call.";
        return expire(`said nothing for ${idleMs} ms (idle_timeout_ms)`, hint, "idle_timeout");
      }
      await clock.sleep(left, stopped.signal);
    }
  };
  const whole = async (): Promise<void> => {
    await clock.sleep(limits.maxDurationMs, stopped.signal);
    const hint = "Ask for less in one turn, or raise max_duration_ms of the call.";
    expire(`did not end within ${limits.maxDurationMs} ms (max_duration_ms)`, hint, "max_duration");
  };
  if (limits.idleTimeoutMs !== null) void idle(limits.idleTimeoutMs);
  void whole();
  return {
    signal: AbortSignal.any([outer, ending.signal]),
    touch: () => {
      heard = clock.monotonic();
    },
    stop: () => stopped.abort(),
  };
}
