// Both readings of a cron expression that people and the reference read differently: how far they are apart in a range (decision D2).
import { readCron } from "../core/cron/expression.ts";
import { occurrencesAfter, type Timing } from "../core/cron/occurrences.ts";
import type { WireDeclared } from "./wire-schedule.ts";

export interface OtherReading {
  /** What both readings are called: the one in effect first. */
  readonly inEffect: "unix";
  readonly other: "quartz";
  /** Null: the other reading takes it for an error. */
  readonly times: readonly number[] | null;
  /** Occurrences of the range that only one of the readings has. */
  readonly different: number | null;
}

const SHOWN = 5;
/** Beyond it the difference is clear enough. */
const COMPARED = 100_000;

/** Null: everybody reads it alike. Expressions of the quartz dialect are stored by name and say nothing of their numbers. */
export function otherReading(schedule: WireDeclared, fromMs: number, toMs: number): OtherReading | null {
  if (schedule.kind.type !== "cron") return null;
  const { cron } = schedule.kind;
  const unix = readCron(cron, "unix");
  if (!unix.ok || !(unix.numericWeekday || (unix.bothDays && !/\s\+\S+(\s\S+)?$/.test(cron)))) return null;
  const quartz = readCron(cron, "quartz");
  const names = { inEffect: "unix", other: "quartz" } as const;
  if (!quartz.ok) return { ...names, times: null, different: null };
  const timing = (expression: string): Timing => ({ kind: "cron", cron: expression, timezone: schedule.timezone });
  const ours = within(timing(unix.expression), fromMs, toMs);
  const theirs = within(timing(quartz.expression), fromMs, toMs);
  const known = new Set(ours);
  const shared = theirs.filter((at) => known.has(at)).length;
  return { ...names, times: theirs.slice(0, SHOWN), different: ours.length + theirs.length - 2 * shared };
}

function within(timing: Timing, fromMs: number, toMs: number): number[] {
  const times: number[] = [];
  for (const at of occurrencesAfter(timing, fromMs - 1)) {
    if (at >= toMs || times.length >= COMPARED) break;
    times.push(at);
  }
  return times;
}
