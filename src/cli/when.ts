// Moments as a person reads them: how long ago, or how long until.
import { formatDuration } from "../core/duration.ts";

/** "3m ago", "in 2h 5m", "now"; "-" for no moment. Takes ms or RFC 3339. */
export function relative(moment: number | string | null | undefined, now: number): string {
  if (moment === null || moment === undefined) return "-";
  const at = typeof moment === "number" ? moment : Date.parse(moment);
  if (Number.isNaN(at)) return String(moment);
  const distance = now - at;
  if (Math.abs(distance) < 1_000) return "now";
  return distance > 0 ? `${formatDuration(distance)} ago` : `in ${formatDuration(-distance)}`;
}

/** The moment itself with its distance: "2026-03-01 12:00:05 (3m ago)", in the local time zone. */
export function moment(value: number | string | null | undefined, now: number): string {
  if (value === null || value === undefined) return "-";
  const at = new Date(value);
  if (Number.isNaN(at.getTime())) return String(value);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString();
  return `${local.slice(0, 10)} ${local.slice(11, 19)} (${relative(at.getTime(), now)})`;
}
