// The order in which a scenario's deliveries, runs and events happen in virtual time, each list after its own delays.
import { msOf, type DeliveryItem, type EventItem, type RunItem, type Scenario } from "./format.ts";

export type Happening = {
  /** After the start. */
  readonly atMs: number;
  /** Place in its list. */
  readonly index: number;
} & (
  | { readonly kind: "delivery"; readonly item: DeliveryItem; readonly repetition: number }
  | { readonly kind: "run"; readonly item: RunItem }
  | { readonly kind: "event"; readonly item: EventItem }
);

/** At one moment deliveries come first, then runs, then events. */
export function timelineOf({ deliveries = [], runs = [], events = [] }: Scenario): Happening[] {
  const sent = timed(expanded(deliveries)).flatMap(({ atMs, index, item }): Happening[] =>
    Array.from({ length: item.repeat ?? 1 }, (_, repetition) => ({ kind: "delivery", atMs, index, item, repetition })),
  );
  const started = timed(runs).map((one): Happening => ({ kind: "run", ...one }));
  const emitted = timed(events).map((one): Happening => ({ kind: "event", ...one }));
  return [...sent, ...started, ...emitted].toSorted((a, b) => a.atMs - b.atMs);
}

function timed<T extends { readonly delay?: string | number | undefined }>(items: readonly T[]) {
  let atMs = 0;
  return items.map((item, index) => {
    atMs += msOf(item.delay, 0);
    return { atMs, index, item };
  });
}

/** `same_as` filled in. */
function expanded(deliveries: readonly DeliveryItem[]): DeliveryItem[] {
  const byId = new Map<string, DeliveryItem>();
  return deliveries.map((one) => {
    const {
      id: _id,
      expect: _expect,
      repeat: _repeat,
      delay: _delay,
      sign: _sign,
      ...same
    } = byId.get(one.same_as ?? "") ?? ({} as DeliveryItem);
    const whole: DeliveryItem = { ...same, ...one };
    if (one.id !== undefined) byId.set(one.id, whole);
    return whole;
  });
}
