// Moments as options take them: RFC 3339, a date and time of a zone's wall clocks, "now", or a distance from now.
import { instantOf } from "../core/cron/clock-changes.ts";
import { parseDuration } from "../core/duration.ts";
import { ChironError } from "../core/errors.ts";

const WALL = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?))?$/;
const ABSOLUTE = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})$/i;

/** The zone of this machine. */
export function localZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Milliseconds since the epoch. `zone` is that of times without an offset. Throws bad_request. */
export function readMoment(
  text: string,
  option: string,
  { now, zone }: { readonly now: number; readonly zone: string },
): number {
  const trimmed = text.trim();
  if (trimmed.toLowerCase() === "now") return now;
  const distance = /^[+-]/.test(trimmed) ? parseDuration(trimmed.slice(1)) : null;
  if (distance !== null) return trimmed.startsWith("-") ? now - distance : now + distance;
  if (ABSOLUTE.test(trimmed)) {
    const at = Date.parse(trimmed.replace(" ", "T"));
    if (!Number.isNaN(at)) return at;
  }
  const wall = WALL.exec(trimmed);
  const wallMs = wall ? Date.parse(`${wall[1]}T${wall[2] ?? "00:00"}Z`) : Number.NaN;
  // Date.parse makes 1 March of 30 February.
  if (wall && !Number.isNaN(wallMs) && new Date(wallMs).toISOString().startsWith(wall[1]!))
    return instantOf(zone, wallMs);
  throw new ChironError("bad_request", `${option}: ${text.slice(0, 80)} is not a time`, {
    hint: 'Write 2026-03-08T02:30:00Z, "2026-03-08 02:30" (in --zone), 2026-03-08, now, +7d or -36h.',
  });
}

/** Throws bad_request, with near names. */
export function readZone(text: string, option: string): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw new ChironError("bad_request", `${option}: ${text.slice(0, 80)} is not a time zone`, {
      hint: "Write an IANA name such as Europe/Berlin or America/New_York.",
    });
  }
}
