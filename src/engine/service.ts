// A loop with a beginning and an end: every recurring piece of work is one. start and stop may be called twice and in any order;
// tick() does one round, for tests and for whoever knows that there is something to do.
import type { Bus } from "../core/bus.ts";
import { messageOf } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";

export interface Service {
  readonly name: string;
  start(): void;
  stop(): Promise<void>;
  tick(): Promise<void>;
}

/** A service that does `round` every `everyMs`. A round that throws is reported, once for as long as it throws the same, and the loop goes on: the next one may succeed. */
export function createLoop(
  name: string,
  everyMs: number,
  deps: { readonly clock: Clock; readonly bus: Bus },
  round: () => Promise<void>,
): Service {
  let ending: AbortController | null = null;
  let running: Promise<void> = Promise.resolve();
  const fault = createFaultReport(name, deps.bus);
  const tick = async (): Promise<void> => {
    try {
      await round();
      fault(null);
    } catch (error) {
      fault(error);
    }
  };
  const loop = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await deps.clock.sleep(everyMs, signal);
      if (!signal.aborted) await tick();
    }
  };
  return {
    name,
    start() {
      if (ending) return;
      ending = new AbortController();
      running = loop(ending.signal);
    },
    async stop() {
      ending?.abort();
      ending = null;
      await running;
    },
    tick,
  };
}

/** Reports a service's faults: each new message once, until a round without one (null) has been. */
export function createFaultReport(service: string, bus: Bus): (error: unknown) => void {
  let last: string | null = null;
  return (error) => {
    const message = error === null ? null : messageOf(error);
    if (message !== null && message !== last) bus.publish({ type: "service.error", service, message });
    last = message;
  };
}
