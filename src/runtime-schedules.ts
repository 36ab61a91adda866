// The part of a runtime that makes scheduled runs: the scheduler, and a person's hand on it.
import type { CatalogLoader } from "./catalog/loader.ts";
import { declaredSchedules, digestOf } from "./catalog/declared-schedules.ts";
import type { Config } from "./config/config.ts";
import { ChironError } from "./core/errors.ts";
import type { RunningEngine } from "./engine/engine.ts";
import { createScheduleControl } from "./engine/schedules/control.ts";
import type { ScheduleControl } from "./engine/schedules/contract.ts";
import { createScheduler, type Scheduler } from "./engine/schedules/scheduler.ts";
import { DEFAULT_SETTINGS } from "./engine/settings.ts";
import type { RuntimeParts } from "./runtime.ts";

export interface Schedules {
  readonly scheduler: Scheduler;
  readonly control: ScheduleControl;
}

/** How often a process compares its files with the store, in ms: where others declare schedules too, also how it says that it lives. */
const SHARED_RECONCILE_MS = 15_000;
const SOLE_RECONCILE_MS = 60_000;
/** In a rolling deploy the newest files may be away for a moment: only what they lack for longer is removed, in ms. */
const REMOVE_AFTER_MS = 120_000;

/** Not started yet. */
export function createSchedules(
  config: Config,
  soleOwner: boolean,
  { bus, clock, store }: RuntimeParts,
  loader: CatalogLoader,
  engine: () => RunningEngine,
): Schedules {
  const concurrent = config.storeKind === "postgres";
  const shared = {
    store,
    bus,
    maxAttempts: config.maxAttempts ?? DEFAULT_SETTINGS.maxAttempts,
    serves: (name: string) => loader.find(name) !== undefined && config.enablement.allows(name),
    poke: () => engine().poke(),
    committed: () => {
      if (concurrent) engine().poke();
    },
  };
  const scheduler = createScheduler({
    ...shared,
    clock,
    startRate: config.scheduleStartRate,
    declared: () => (loader.ready() ? declaredSchedules(loader.current()) : null),
    digest: digestOf,
    removeAfterMs: soleOwner ? 0 : REMOVE_AFTER_MS,
    reconcileMs: soleOwner ? SOLE_RECONCILE_MS : SHARED_RECONCILE_MS,
  });
  const control = createScheduleControl({
    ...shared,
    changed: () => scheduler.poke(),
    checkWorkflow(name) {
      if (shared.serves(name)) return;
      throw new ChironError("unknown_workflow", `the schedule's workflow ${name} is not served here`, {
        hint: 'See "chiron workflows list" for files that did not load.',
      });
    },
  });
  return { scheduler, control };
}
