// When a schedule occurs: the instants of a cron expression or of an interval, ascending and lazy, by the rule of docs/schedules.md.
// Whether an occurrence fires is left to the engine.
import { Cron } from "croner";

import { cronOptions } from "./expression.ts";

export type Timing =
  /** `cron` is an expression that readCron made. */
  | { readonly kind: "cron"; readonly cron: string; readonly timezone: string }
  /** Every `intervalMs`, so that one of the instants is `anchorMs`; before the anchor too. */
  | { readonly kind: "interval"; readonly intervalMs: number; readonly anchorMs: number };

/** Making a Cron costs more than asking it; schedules are few and asked again and again. */
const CACHED = 1_000;
const LARGEST_BATCH = 512;
const cached = new Map<string, Cron>();

/** The instants strictly after `afterMs`, ascending; ends when there is none. */
export function* occurrencesAfter(timing: Timing, afterMs: number): Iterable<number> {
  if (timing.kind === "interval") {
    const { intervalMs, anchorMs } = timing;
    for (let at = anchorMs + (Math.floor((afterMs - anchorMs) / intervalMs) + 1) * intervalMs; ; at += intervalMs)
      yield at;
  }
  const cron = cronOf(timing.cron, timing.timezone);
  let last = afterMs;
  for (let size = 1; ; size = Math.min(size * 8, LARGEST_BATCH)) {
    // oxlint-disable-next-line no-restricted-globals -- croner takes a Date; no clock is read
    const runs = cron.nextRuns(size, new Date(last));
    for (const run of runs) yield (last = run.getTime());
    if (runs.length < size) return;
  }
}

function cronOf(expression: string, timezone: string): Cron {
  const key = `${timezone} ${expression}`;
  const known = cached.get(key);
  if (known) return known;
  if (cached.size >= CACHED) cached.clear();
  const cron = new Cron(expression, cronOptions(timezone));
  cached.set(key, cron);
  return cron;
}
