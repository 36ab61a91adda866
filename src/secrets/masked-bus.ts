// A bus on which no event carries a secret: what people and programs write into events goes through the mask before any listener sees it.
import { Bus, type RuntimeEvent } from "../core/bus.ts";
import { NO_MASK, type Mask } from "../core/redaction.ts";

/** Members that hold somebody's words; everything else of an event is ids, names and counts. */
const WORDS = ["message", "reason", "where", "labels", "line", "fields"] as const;

/** A plain bus where there is nothing to hide. */
export function createMaskedBus(mask: Mask): Bus {
  return mask === NO_MASK ? new Bus() : new MaskedBus(mask);
}

class MaskedBus extends Bus {
  readonly #mask: Mask;

  constructor(mask: Mask) {
    super();
    this.#mask = mask;
  }

  override publish(event: RuntimeEvent): void {
    super.publish(this.#masked(event));
  }

  /** The same object when nothing in it had to be hidden. */
  #masked(event: RuntimeEvent): RuntimeEvent {
    const words = event as unknown as Record<string, unknown>;
    let copy: Record<string, unknown> | null = null;
    for (const name of WORDS) {
      const text = words[name];
      if (typeof text !== "string") continue;
      const masked = this.#mask(text);
      if (masked !== text) (copy ??= { ...words })[name] = masked;
    }
    return copy === null ? event : (copy as unknown as RuntimeEvent);
  }
}
