// Figures that only the bus tells: how long steps take, how late runs start, how often the code was reloaded. Counted from the start of
// this process; a scrape reads them.
import type { Bus } from "../core/bus.ts";

/** Upper bounds in seconds: from a step that only computes to an agent's turn. */
const BOUNDS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120, 600];

export class Histogram {
  readonly #counts: number[] = BOUNDS.map(() => 0);
  #count = 0;
  #sum = 0;

  observe(seconds: number): void {
    this.#count += 1;
    this.#sum += seconds;
    const first = BOUNDS.findIndex((bound) => seconds <= bound);
    if (first >= 0) this.#counts[first]! += 1;
  }

  /** In Prometheus' form: each bucket holds those before it as well. */
  lines(name: string, help: string): string {
    let below = 0;
    const buckets = BOUNDS.map((bound, index) => {
      below += this.#counts[index]!;
      return `${name}_bucket{le="${bound}"} ${below}\n`;
    });
    const all = `${name}_bucket{le="+Inf"} ${this.#count}\n${name}_sum ${this.#sum}\n${name}_count ${this.#count}\n`;
    return `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${buckets.join("")}${all}`;
  }
}

export interface Measures {
  readonly steps: Histogram;
  /** From the moment a run was due to the moment its host got it. */
  readonly startDelays: Histogram;
  readonly reloads: () => number;
  readonly hostEnds: () => number;
}

export function measure(bus: Bus): Measures {
  const steps = new Histogram();
  const startDelays = new Histogram();
  let reloads = 0;
  let hostEnds = 0;
  bus.subscribe((event) => {
    if (event.type === "run.step") steps.observe(event.durationMs / 1_000);
    else if (event.type === "run.started") startDelays.observe(Math.max(0, event.delayMs) / 1_000);
    else if (event.type === "catalog.reloaded") reloads += 1;
    else if (event.type === "host.ended" && event.reason !== "") hostEnds += 1;
  });
  return { steps, startDelays, reloads: () => reloads, hostEnds: () => hostEnds };
}
