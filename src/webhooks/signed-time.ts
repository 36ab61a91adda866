// The time inside a signature: what keeps an old delivery from being sent again. Only plain decimal seconds count, and a time too far
// ahead is as wrong as one too far behind.
import { refuse, type Verdict } from "./provider.ts";

/** What most senders recommend. */
export const FIVE_MINUTES_MS = 300_000;

/** Null when `seconds` lies within the tolerance. */
export function checkSeconds(seconds: string, nowMs: number, toleranceMs: number): Verdict | null {
  if (!/^(?:0|[1-9]\d{0,11})$/.test(seconds))
    return refuse("malformed", "the signed time is not a whole number of seconds");
  return checkTime(Number(seconds) * 1_000, nowMs, toleranceMs);
}

/** Null when the time in ms lies within the tolerance. */
export function checkTime(atMs: number, nowMs: number, toleranceMs: number): Verdict | null {
  // Whole seconds, as the sender writes them: a delivery exactly at the limit still counts.
  const ageMs = Math.floor(nowMs / 1_000) * 1_000 - atMs;
  const limit = `${toleranceMs / 1_000} s`;
  if (ageMs > toleranceMs) return refuse("expired", `signed ${ageMs / 1_000} s ago, more than ${limit}`);
  if (-ageMs > toleranceMs)
    return refuse("future", `signed ${-ageMs / 1_000} s ahead of this clock, more than ${limit}`);
  return null;
}

export function secondsOf(ms: number): string {
  return String(Math.floor(ms / 1_000));
}
