// A rehearsal as one JSON document.
import { instantText } from "./zoned-time.ts";
import { zonedTime } from "./zoned-time.ts";
import { otherReading } from "./rehearsal-readings.ts";
import type { RehearsalPage, RehearsedSchedule } from "./schedules-rehearse.ts";

/** `most`: how many occurrences to name. */
export function rehearsalFields(page: RehearsalPage, most: number): object {
  const { fromMs, toMs, rehearsal, schedules, zone } = page;
  const known = new Map(schedules.map((schedule) => [schedule.schedule_id, schedule]));
  const { fires, cutAtMs, starts, running, changes } = rehearsal;
  return {
    ok: true,
    from: instantText(fromMs),
    to: instantText(toMs),
    complete_to: instantText(cutAtMs ?? toMs),
    schedules: schedules.map((schedule) => scheduleFields(schedule, page)),
    clock_changes: [...changes].flatMap(([timezone, list]) =>
      list.map(({ atMs, beforeMs, afterMs }) => ({
        timezone,
        at: instantText(atMs),
        kind: afterMs > beforeMs ? "gap" : "overlap",
        offset_before_ms: beforeMs,
        offset_after_ms: afterMs,
      })),
    ),
    most_starts: starts && { at: instantText(starts.atMs), count: starts.count },
    most_running: [...running].map(([queue, { atMs, count }]) => ({ queue, at: instantText(atMs), count })),
    total: fires.length,
    fires: fires.slice(0, most).map(({ id, atMs, mark, outcome, reason, startMs, running: beside }) => {
      const { workflow_name, timezone } = known.get(id)!;
      return {
        at: instantText(atMs),
        local: zonedTime(atMs, zone ?? timezone),
        schedule_id: id,
        workflow_name,
        clock: mark,
        outcome,
        reason,
        starts_at: startMs === null ? null : instantText(startMs),
        running: beside,
      };
    }),
  };
}

function scheduleFields(schedule: RehearsedSchedule, { fromMs, toMs, rehearsal }: RehearsalPage): object {
  const { schedule_id, workflow_name, kind, timezone, overlap, duration, idle, assumedAnchor } = schedule;
  const own = rehearsal.fires.filter(({ id }) => id === schedule_id);
  const of = (outcome: string): number => own.filter((fire) => fire.outcome === outcome).length;
  const reading = otherReading(schedule, fromMs, toMs);
  return {
    schedule_id,
    workflow_name,
    kind,
    timezone,
    overlap,
    idle,
    assumed_anchor: assumedAnchor,
    duration_ms: duration?.ms ?? null,
    duration_runs: duration?.runs ?? null,
    occurrences: own.length,
    fires: of("fires"),
    waits: of("waits"),
    skipped: of("skipped"),
    overlapping: own.filter(({ running }) => running > 0).length,
    other_reading: reading && {
      dialect: reading.other,
      different: reading.different,
      next: reading.times?.map(instantText) ?? null,
    },
  };
}
