// Keeps the ring of deliveries within its bounds of count and age, in small transactions: a look a minute, so it may be over them for so long.
import type { Bus } from "../core/bus.ts";
import { createLoop, type Service } from "../engine/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeliveryStore } from "../ports/store-deliveries.ts";

const EVERY_MS = 60_000;
const BATCH = 200;

export function createDeliveryRetention(deps: {
  readonly deliveries: Pick<DeliveryStore, "prune">;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly bounds: { readonly keep: number; readonly keepForMs: number };
}): Service {
  const { deliveries, clock, bounds } = deps;
  return createLoop("deliveries", EVERY_MS, deps, async () => {
    const prune = () => deliveries.prune({ beforeMs: clock.now() - bounds.keepForMs, keep: bounds.keep, limit: BATCH });
    while ((await prune()) === BATCH);
  });
}
