// Figures that only the bus tells: how long steps take, how late runs start, how often the code was reloaded. Counted from the start of
// this process; a scrape reads them.
import type { Bus } from "../core/bus.ts";
import { Histogram } from "../core/histogram.ts";

/** Upper bounds in seconds: from a step that only computes to an agent's turn. */
const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120, 600];

export interface Measures {
  readonly steps: Histogram;
  /** From the moment a run was due to the moment its host got it. */
  readonly startDelays: Histogram;
  readonly reloads: () => number;
  readonly hostEnds: () => number;
}

export function measure(bus: Bus): Measures {
  const steps = new Histogram(SECONDS);
  const startDelays = new Histogram(SECONDS);
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
