// When a stored schedule occurs, when each occurrence starts, and how many there are in a span of time, without walking through years
// second by second.
import { occurrencesAfter, type Timing } from "../../core/cron/occurrences.ts";
import type { ScheduleDefinition, ScheduleRow } from "../../ports/store-schedules.ts";

/** Cron occurrences that are counted one by one; a longer span is recorded without a number. */
const COUNTED = 10_000;
/** Where the search for the last occurrences of a span begins, in ms. */
const FIRST_WINDOW_MS = 60_000;

export function timingOf({ kind, timezone }: ScheduleDefinition, anchorAt: number): Timing {
  return kind.type === "cron"
    ? { kind: "cron", cron: kind.cron, timezone }
    : { kind: "interval", intervalMs: kind.interval_seconds * 1_000, anchorMs: anchorAt };
}

/** How much later than its time an occurrence starts, in ms: by its id and time, so the same in every process. */
export function jitterOf({ scheduleId, jitterSeconds }: ScheduleDefinition, at: number): number {
  if (jitterSeconds === 0) return 0;
  // FNV-1a
  let hash = 0x811c9dc5;
  for (const char of `${scheduleId} ${at}`) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193) >>> 0;
  return hash % (jitterSeconds * 1_000 + 1);
}

type Next = Pick<ScheduleRow, "nextAt" | "dueAt">;

/** The first occurrence after `afterMs`. */
export function nextOf(definition: ScheduleDefinition, anchorAt: number, afterMs: number): Next {
  for (const at of occurrencesAfter(timingOf(definition, anchorAt), afterMs))
    return { nextAt: at, dueAt: at + jitterOf(definition, at) };
  return { nextAt: null, dueAt: null };
}

/** Where a definition begins to count: an interval fires first after one interval, on a whole second. */
export function beginning(
  definition: ScheduleDefinition,
  now: number,
): Pick<ScheduleRow, "anchorAt" | "accountedTo"> & Next {
  const anchorAt = Math.ceil(now / 1_000) * 1_000;
  const accountedTo = definition.kind.type === "interval" ? anchorAt : now;
  return { anchorAt, accountedTo, ...nextOf(definition, anchorAt, accountedTo) };
}

/** Occurrences that stand for each other in one record. */
export interface Span {
  readonly first: number;
  readonly last: number;
  /** Null: too many to be counted. */
  readonly count: number | null;
}

/** The occurrences in (after, upTo]: the last `keep` of them, and those before as one span. */
export function split(
  timing: Timing,
  after: number,
  upTo: number,
  keep: number,
): { readonly passed: Span | null; readonly kept: readonly number[] } {
  if (timing.kind === "interval") return splitInterval(timing, after, upTo, keep);
  const seen: number[] = [];
  for (const at of occurrencesAfter(timing, after)) {
    if (at > upTo) return cut(seen, keep);
    if (seen.length >= COUNTED + keep) return splitFar(timing, seen[0]!, upTo, keep);
    seen.push(at);
  }
  return cut(seen, keep);
}

function cut(times: readonly number[], keep: number): ReturnType<typeof split> {
  const place = Math.max(0, times.length - keep);
  const passed = place === 0 ? null : { first: times[0]!, last: times[place - 1]!, count: place };
  return { passed, kept: times.slice(place) };
}

function splitInterval(
  timing: Timing & { readonly kind: "interval" },
  after: number,
  upTo: number,
  keep: number,
): ReturnType<typeof split> {
  const { intervalMs } = timing;
  const [first] = take(timing, after, 1);
  if (first === undefined || first > upTo) return { passed: null, kept: [] };
  const total = Math.floor((upTo - first) / intervalMs) + 1;
  const count = Math.max(0, total - keep);
  const passed = count === 0 ? null : { first, last: first + (count - 1) * intervalMs, count };
  return { passed, kept: Array.from({ length: total - count }, (_, index) => first + (count + index) * intervalMs) };
}

/** Of a span that is too long to be walked through: looks back from its end, further and further. */
function splitFar(timing: Timing, first: number, upTo: number, keep: number): ReturnType<typeof split> {
  for (let windowMs = FIRST_WINDOW_MS; ; windowMs *= 4) {
    const from = upTo - windowMs;
    const times: number[] = [];
    for (const at of occurrencesAfter(timing, from)) {
      if (at > upTo) break;
      times.push(at);
    }
    if (times.length <= keep) continue;
    const last = times.at(-keep - 1)!;
    return { passed: { first, last, count: null }, kept: keep === 0 ? [] : times.slice(-keep) };
  }
}

/** The first `count` occurrences after `after`. */
export function take(timing: Timing, after: number, count: number): number[] {
  const times: number[] = [];
  for (const at of occurrencesAfter(timing, after)) {
    if (times.length === count) break;
    times.push(at);
    if (times.length === count) break;
  }
  return times;
}
