// Keeps the outbox within its bounds of count and age, in small transactions: a look a minute, so it may be over them for so long.
import { createLoop, type Service } from "../engine/service.ts";
import type { Bus } from "../core/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { EffectStore } from "../ports/store-effects.ts";

const EVERY_MS = 60_000;
const BATCH = 200;

export interface OutboxBounds {
  readonly keep: number;
  readonly keepForMs: number;
}

export function createOutboxRetention(deps: {
  readonly store: Pick<EffectStore, "prune">;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly bounds: OutboxBounds;
}): Service {
  const { store, clock, bounds } = deps;
  return createLoop("outbox", EVERY_MS, deps, async () => {
    const prune = () => store.prune({ beforeMs: clock.now() - bounds.keepForMs, keep: bounds.keep, limit: BATCH });
    while ((await prune()) === BATCH);
  });
}
