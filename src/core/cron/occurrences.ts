// When a schedule occurs: the instants of a cron expression or of an interval, ascending and lazy, by the rule of docs/schedules.md
// (decision D7). Whether an occurrence fires is left to the engine.
import { WallTimes } from "./wall-times.ts";
import { type ZoneChange, ZoneOffsets } from "./zone-offsets.ts";

export type Timing =
  /** `cron` is an expression that readCron made. */
  | { readonly kind: "cron"; readonly cron: string; readonly timezone: string }
  /** Every `intervalMs`, so that one of the instants is `anchorMs`; before the anchor too. */
  | { readonly kind: "interval"; readonly intervalMs: number; readonly anchorMs: number };

/** More than a zone has ever set its clocks back by: a day, where the date line moved. */
const LONGEST_OVERLAP_MS = 26 * 3_600_000;

/** The instants strictly after `afterMs`, ascending; ends when there is none. */
export function occurrencesAfter(timing: Timing, afterMs: number): Generator<number, void, undefined> {
  if (timing.kind === "interval") return everyInterval(timing.intervalMs, timing.anchorMs, afterMs);
  return cronOccurrences(WallTimes.of(timing.cron), ZoneOffsets.of(timing.timezone), afterMs);
}

/** The next `count` instants strictly after `afterMs`. */
export function nextOccurrences(timing: Timing, afterMs: number, count: number): number[] {
  const found: number[] = [];
  if (count <= 0) return found;
  for (const at of occurrencesAfter(timing, afterMs)) {
    found.push(at);
    if (found.length >= count) break;
  }
  return found;
}

function* everyInterval(intervalMs: number, anchorMs: number, afterMs: number): Generator<number, void, undefined> {
  const first = Math.floor((afterMs - anchorMs) / intervalMs) + 1;
  for (let index = first; ; index += 1) yield anchorMs + index * intervalMs;
}

/** Walks from one change of the zone's offset to the next; between two, wall times and instants differ by a constant. */
function* cronOccurrences(walls: WallTimes, zone: ZoneOffsets, afterMs: number): Generator<number, void, undefined> {
  let offsetMs = zone.offsetAt(afterMs);
  let fromMs = Math.max(afterMs + 1, walls.fixed ? secondPassEnd(zone, afterMs) : 0);
  /** No change lies between where the walk is and here. */
  let clearMs = afterMs;
  for (;;) {
    let change: ZoneChange | null = null;
    for (const wallMs of walls.from(fromMs + offsetMs)) {
      const atMs = wallMs - offsetMs;
      if (atMs > clearMs) {
        change = zone.changeIn(clearMs, atMs);
        if (change) break;
        clearMs = atMs;
      }
      yield atMs;
    }
    if (!change) return;
    if (isMoved(walls, change)) yield change.atMs;
    const repeatedMs = walls.fixed ? Math.max(0, change.beforeMs - change.afterMs) : 0;
    fromMs = change.atMs + repeatedMs + (isMoved(walls, change) ? 1 : 0);
    offsetMs = change.afterMs;
    clearMs = change.atMs;
  }
}

/** Whether fixed times that the change skips occur at it instead: once, however many they are. */
export function isMoved(walls: WallTimes, change: ZoneChange): boolean {
  if (!walls.fixed || change.afterMs <= change.beforeMs) return false;
  const skipped = walls.firstFrom(change.atMs + change.beforeMs);
  return skipped !== null && skipped < change.atMs + change.afterMs;
}

/** When wall clocks show new times again, if they are showing some for the second time now. */
function secondPassEnd(zone: ZoneOffsets, atMs: number): number {
  let end = 0;
  let change = zone.changeIn(atMs - LONGEST_OVERLAP_MS, atMs);
  for (; change; change = zone.changeIn(change.atMs, atMs)) end = change.atMs + change.beforeMs - change.afterMs;
  return end;
}
