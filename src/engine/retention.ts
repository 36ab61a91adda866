// Deletes finished tasks and the records of occurrences after their time, in small transactions. Start keys stay: a key starts one task
// for ever.
import type { Bus } from "../core/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { createLoop, type Service } from "./service.ts";

const EVERY_MS = 60_000;
const BATCH = 500;

/** Null retention means everything is kept: then there is no service. */
export function createRetention(deps: {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly retentionMs: number | null;
}): Service | null {
  const { retentionMs } = deps;
  if (retentionMs === null) return null;
  return createLoop("retention", EVERY_MS, deps, async () => {
    while ((await deps.store.tasks.forget(deps.clock.now() - retentionMs, BATCH)) === BATCH);
    while ((await deps.store.schedules.forget(deps.clock.now() - retentionMs, BATCH)) === BATCH);
  });
}
