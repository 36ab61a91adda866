// Time zone names, as the runtime's own calendar data knows them.
import { nearest } from "../../core/nearest.ts";

/** Whether it is an IANA zone; offsets such as "+02:00" are not, because they know no summer time. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export function nearestTimeZones(name: string): string[] {
  return nearest(name, Intl.supportedValuesOf("timeZone"), 3);
}

/** A time for a person: in the zone, with the weekday, e.g. "Mon 2026-01-05 09:00". */
export function localTime(at: number, timezone: string): string {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: timezone,
    weekday: "short",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(at);
  const part = (type: string) => parts.find((candidate) => candidate.type === type)?.value ?? "";
  return `${part("weekday")} ${part("year")}-${part("month")}-${part("day")} ${part("hour")}:${part("minute")}`;
}
