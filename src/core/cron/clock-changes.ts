// What a zone's changes of the clock do to a schedule's occurrences: which were moved out of a gap, which stand in an hour that comes twice.
import { isMoved } from "./occurrences.ts";
import { WallTimes } from "./wall-times.ts";
import { type ZoneChange, ZoneOffsets } from "./zone-offsets.ts";

/** moved: its own time does not exist that day. first, second: its time comes twice, and this is that pass. */
export type ClockMark = "moved" | "first" | "second";

/** The changes of a zone in (after, until], in order. */
export function clockChanges(timezone: string, afterMs: number, untilMs: number): ZoneChange[] {
  const zone = ZoneOffsets.of(timezone);
  const changes: ZoneChange[] = [];
  for (let change = zone.changeIn(afterMs, untilMs); change; change = zone.changeIn(change.atMs, untilMs))
    changes.push(change);
  return changes;
}

/** Marks the occurrences of one cron expression, given in order. */
export function createMarker(expression: string, changes: readonly ZoneChange[]): (atMs: number) => ClockMark | null {
  const walls = WallTimes.of(expression);
  const spans = changes.map((change) => ({
    change,
    // Half the difference before the change and half after it show the same times.
    repeatedMs: Math.max(0, change.beforeMs - change.afterMs),
    // An occurrence that belongs to the moment after the gap anyway is not a moved one.
    moved: isMoved(walls, change) && walls.firstFrom(change.atMs + change.afterMs) !== change.atMs + change.afterMs,
  }));
  let index = 0;
  return (atMs) => {
    while (index < spans.length && atMs >= spans[index]!.change.atMs + Math.max(1, spans[index]!.repeatedMs))
      index += 1;
    const span = spans[index];
    if (!span) return null;
    const { change, repeatedMs, moved } = span;
    if (moved && atMs === change.atMs) return "moved";
    if (atMs < change.atMs - repeatedMs || repeatedMs === 0) return null;
    return atMs < change.atMs ? "first" : "second";
  };
}

/** The wall time in a zone, as milliseconds since the epoch of a clock that stood in UTC. */
export function wallTime(timezone: string, atMs: number): number {
  return atMs + ZoneOffsets.of(timezone).offsetAt(atMs);
}

/** The instant at which a zone's clocks show this; right after the gap for a time that does not exist, the first of two. */
export function instantOf(timezone: string, wallMs: number): number {
  const zone = ZoneOffsets.of(timezone);
  // No offset is larger than a day: before this moment the wall showed something earlier.
  let fromMs = wallMs - DAY_MS - 1;
  let offsetMs = zone.offsetAt(fromMs);
  for (;;) {
    const atMs = wallMs - offsetMs;
    const change = zone.changeIn(fromMs, atMs);
    if (!change) return Math.max(atMs, fromMs);
    fromMs = change.atMs;
    offsetMs = change.afterMs;
  }
}

const DAY_MS = 86_400_000;
