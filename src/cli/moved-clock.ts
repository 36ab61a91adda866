// The clock of a dev engine that somebody has moved, as its answers tell of it: what it shows now, and a line that says so.
import { clockLine } from "./event-lines.ts";

export interface MovedClock {
  /** What it shows when the machine's clock shows this. */
  now(machineMs: number): number;
  /** For a person, beside whatever shows times. */
  text(machineMs: number): string;
}

/** Null: the engine keeps the real time. `machineMs`: when the answer came. */
export function readMovedClock(headers: Headers, machineMs: number): MovedClock | null {
  const [time, mode] = (headers.get("x-chiron-clock") ?? "").split(" ");
  const shownMs = Date.parse(time ?? "");
  if (Number.isNaN(shownMs) || mode === undefined) return null;
  const now = (ms: number): number => (mode === "frozen" ? shownMs : shownMs + ms - machineMs);
  return { now, text: (ms) => clockLine({ mode, now: now(ms), offsetMs: now(ms) - ms }) };
}
