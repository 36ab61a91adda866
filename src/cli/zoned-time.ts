// Times as wall clocks of a zone show them, with the offset that tells the two passes of a repeated hour apart.
import { wallTime } from "../core/cron/clock-changes.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;

/** "Mon 2026-03-09 09:00 -04:00"; seconds where there are any. */
export function zonedTime(atMs: number, zone: string): string {
  const wall = new Date(wallTime(zone, atMs));
  return `${DAYS[wall.getUTCDay()]} ${dateTime(wall)} ${offsetText(wall.getTime() - atMs)}`;
}

/** "2026-03-09 13:00Z". */
export function utcTime(atMs: number): string {
  return `${dateTime(new Date(atMs))}Z`;
}

/** "09:00" of a wall time. */
export function timeOfDay(wallMs: number): string {
  return dateTime(new Date(wallMs)).slice(11);
}

function dateTime(at: Date): string {
  const text = at.toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, at.getUTCSeconds() === 0 ? 16 : 19)}`;
}

function offsetText(ms: number): string {
  const minutes = Math.round(Math.abs(ms) / 60_000);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${ms < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** RFC 3339. */
export function instantText(atMs: number): string {
  return new Date(atMs).toISOString();
}
