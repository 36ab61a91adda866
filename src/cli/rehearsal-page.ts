// A rehearsal as a person reads it: the occurrences, the changes of the clock among them, and a summary of each schedule.
import type { ClockMark } from "../core/cron/clock-changes.ts";
import { clockChanges } from "../core/cron/clock-changes.ts";
import type { RehearsedFire } from "../core/cron/rehearsal.ts";
import { formatDuration } from "../core/duration.ts";
import type { Output } from "./output.ts";
import { otherReading } from "./rehearsal-readings.ts";
import { durationText } from "./run-durations.ts";
import type { RehearsalPage, RehearsedSchedule } from "./schedules-rehearse.ts";
import { whenText } from "./wire-schedule.ts";
import { timeOfDay, utcTime, zonedTime } from "./zoned-time.ts";

const occurrencesText = (count: number): string => `${count} ${count === 1 ? "occurrence" : "occurrences"}`;

/** `most`: how many occurrences to print. */
export function printRehearsal(output: Output, page: RehearsalPage, most: number): void {
  const { fromMs, toMs, zone, rehearsal, schedules } = page;
  const shown = (atMs: number): string => (zone === null ? utcTime(atMs) : zonedTime(atMs, zone));
  output.print(
    `${shown(fromMs)} to ${shown(toMs)} (${formatDuration(toMs - fromMs)}): ${occurrencesText(rehearsal.fires.length)}`,
  );
  printFires(output, page, most);
  printChanges(output, page);
  if (schedules.length > 0) printSummary(output, page);
  for (const line of remarks(page)) output.print(line);
}

function printFires(output: Output, { rehearsal, schedules, zone }: RehearsalPage, most: number): void {
  const { fires } = rehearsal;
  if (fires.length === 0) return;
  const known = new Map(schedules.map((schedule) => [schedule.schedule_id, schedule]));
  output.print("");
  output.table(
    ["TIME", "UTC", "SCHEDULE", "WORKFLOW", ""],
    fires.slice(0, most).map((fire) => {
      const schedule = known.get(fire.id)!;
      const local = zonedTime(fire.atMs, zone ?? schedule.timezone);
      return [local, utcTime(fire.atMs), fire.id, schedule.workflow_name, remarkOf(fire, schedule)];
    }),
  );
  if (fires.length > most) output.print(`… and ${fires.length - most} more (--limit 0 prints all)`);
}

function remarkOf(
  { mark, outcome, reason, startMs, atMs, running }: RehearsedFire,
  schedule: RehearsedSchedule,
): string {
  const beside = running === 1 ? "1 run is" : `${running} runs are`;
  return [
    ...(mark === null ? [] : [markText(mark, atMs, schedule.timezone)]),
    ...(outcome === "skipped"
      ? [reason === "overlap" ? "skipped: the run before is not over" : "skipped: too many wait"]
      : []),
    ...(outcome === "waits" ? [`waits until ${zonedTime(startMs!, schedule.timezone)}`] : []),
    ...(outcome === "fires" && running > 0 ? [`overlaps: ${beside} not over`] : []),
  ].join("; ");
}

function markText(mark: ClockMark, atMs: number, zone: string): string {
  if (mark === "first") return "this time comes twice: first pass";
  if (mark === "second") return "this time comes twice: second pass";
  const [change] = clockChanges(zone, atMs - 1, atMs);
  const gap = change ? ` between ${timeOfDay(atMs + change.beforeMs)} and ${timeOfDay(atMs + change.afterMs)}` : "";
  return `moved: its time does not exist this day${gap}`;
}

function printChanges(output: Output, { rehearsal }: RehearsalPage): void {
  const lines = [...rehearsal.changes].flatMap(([zone, changes]) =>
    changes.map(({ atMs, beforeMs, afterMs }) => {
      const size = formatDuration(Math.abs(afterMs - beforeMs));
      const effect = afterMs > beforeMs ? `${size} left out` : `${size} twice`;
      return [zone, zonedTime(atMs - 1_000, zone).slice(0, 14), `${timeOfDay(atMs + beforeMs)} → ${timeOfDay(atMs + afterMs)}`, utcTime(atMs), effect];
    }),
  ); // prettier-ignore
  if (lines.length === 0) return;
  output.print("");
  output.table(["CLOCKS CHANGE IN", "DAY", "FROM, TO", "UTC", ""], lines);
}

function printSummary(output: Output, { schedules, rehearsal }: RehearsalPage): void {
  output.print("");
  output.table(
    ["SCHEDULE", "WHEN", "FIRES", "WAITS", "SKIPPED", "OVERLAPS", "A RUN TAKES"],
    schedules.map((schedule) => {
      const own = rehearsal.fires.filter(({ id }) => id === schedule.schedule_id);
      const count = (fits: (fire: RehearsedFire) => boolean): string => String(own.filter(fits).length);
      return [
        schedule.schedule_id,
        whenText(schedule),
        schedule.idle ?? count(({ outcome }) => outcome === "fires"),
        count(({ outcome }) => outcome === "waits"),
        count(({ outcome }) => outcome === "skipped"),
        schedule.duration === null ? "?" : count(({ running }) => running > 0),
        durationText(schedule.duration),
      ];
    }),
  );
}

function remarks({ rehearsal, schedules, zone, fromMs, toMs, problems }: RehearsalPage): string[] {
  const { starts, running, cutAtMs } = rehearsal;
  const shown = (atMs: number): string => (zone === null ? utcTime(atMs) : zonedTime(atMs, zone));
  const lines: string[] = [];
  if (starts && starts.count > 1) lines.push(`most starts at one moment: ${starts.count}, ${shown(starts.atMs)}`);
  for (const [queue, { atMs, count }] of running)
    if (count > 1) lines.push(`most runs at once in ${queue}: ${count}, ${shown(atMs)}`);
  if (cutAtMs !== null)
    lines.push(
      `too many occurrences: the rehearsal ends at ${shown(cutAtMs)}; take a shorter range or fewer schedules`,
    );
  for (const schedule of schedules) {
    if (schedule.assumedAnchor && schedule.idle === null)
      lines.push(`${schedule.schedule_id} has not begun: its interval counts from the start of the range here`);
    const reading = otherReading(schedule, fromMs, toMs);
    if (reading) lines.push(readingText(schedule, reading));
  }
  // What the numbers of a quartz expression were is not stored with it; its file's problem tells both readings.
  const names = new Set(schedules.map(({ workflow_name }) => workflow_name));
  for (const { message, workflow_name: name } of problems)
    if (message.includes("in effect: quartz") && name && names.has(name)) lines.push(message);
  return lines.length > 0 ? ["", ...lines] : [];
}

function readingText(schedule: RehearsedSchedule, reading: NonNullable<ReturnType<typeof otherReading>>): string {
  const cron = schedule.kind.type === "cron" ? schedule.kind.cron : "";
  const head = `${schedule.schedule_id}: "${cron}" is read in two ways; ${reading.inEffect} is in effect`;
  if (reading.times === null)
    return `${head}, and ${reading.other} (1 is Sunday, both days must match) takes it for an error`;
  const times = reading.times.map((at) => zonedTime(at, schedule.timezone)).join(", ");
  return `${head}; ${reading.other} (1 is Sunday, both days must match) has ${times || "no time"}${(reading.times?.length ?? 0) > 4 ? ", …" : ""} (${occurrencesText(reading.different ?? 0)} of this range in one reading only)`;
}
