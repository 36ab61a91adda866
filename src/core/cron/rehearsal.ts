// What schedules would do between two moments, without doing it: every occurrence with what the clock and the overlap rule make of it,
// and how many runs there would be at once. Durations are guesses of the caller's; jitter and the wait for a worker are left out.
import { type ClockMark, clockChanges, createMarker } from "./clock-changes.ts";
import { occurrencesAfter, type Timing } from "./occurrences.ts";
import type { ZoneChange } from "./zone-offsets.ts";

export interface Rehearsed {
  readonly id: string;
  readonly timing: Timing;
  readonly overlap: "allow" | "skip" | "queue";
  /** How long one run takes; null: not known, nothing overlaps. */
  readonly durationMs: number | null;
  /** Where its runs compete for workers. */
  readonly queue: string;
}

export interface RehearsedFire {
  readonly id: string;
  readonly atMs: number;
  readonly mark: ClockMark | null;
  /** waits: starts when the run before it has ended, at `startMs`. */
  readonly outcome: "fires" | "waits" | "skipped";
  readonly reason: "overlap" | "queue_full" | null;
  readonly startMs: number | null;
  /** Runs of the same schedule that are under way when it is due. */
  readonly running: number;
}

export interface Crowd {
  readonly atMs: number;
  readonly count: number;
}

export interface Rehearsal {
  /** By time, then id. */
  readonly fires: readonly RehearsedFire[];
  /** More than `most` occurrences: the ones after this moment were left out, of all schedules alike. Null: complete. */
  readonly cutAtMs: number | null;
  /** The moment with the most starts. */
  readonly starts: Crowd | null;
  /** By queue: the moment with the most runs at once. */
  readonly running: ReadonlyMap<string, Crowd>;
  /** By zone: changes of the clock in the range. */
  readonly changes: ReadonlyMap<string, readonly ZoneChange[]>;
}

export interface RehearsalOptions {
  /** Inclusive. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  /** Most occurrences. */
  readonly most: number;
  /** Most occurrences of one schedule that wait for a run's end. */
  readonly mostHeld: number;
}

/** A change so far before the range still marks times in it: more than clocks were ever set back by. */
const REPEATED_MS = 26 * 3_600_000;

export function rehearse(schedules: readonly Rehearsed[], options: RehearsalOptions): Rehearsal {
  const changes = changesOf(schedules, options);
  const { lists, cutAtMs } = collect(schedules, options);
  const fires = schedules
    .flatMap((schedule, index) => play(schedule, lists[index]!, changes, options.mostHeld))
    .sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  for (const [zone, all] of changes)
    changes.set(
      zone,
      all.filter(({ atMs }) => atMs >= options.fromMs),
    );
  return { fires, cutAtMs, changes, starts: mostStarts(fires), running: mostRunning(schedules, fires) };
}

function changesOf(schedules: readonly Rehearsed[], { fromMs, toMs }: RehearsalOptions): Map<string, ZoneChange[]> {
  const zones = new Set(schedules.flatMap(({ timing }) => (timing.kind === "cron" ? [timing.timezone] : [])));
  return new Map([...zones].map((zone) => [zone, clockChanges(zone, fromMs - REPEATED_MS, toMs)]));
}

/** The occurrences of each, up to a common moment when there are too many. */
function collect(
  schedules: readonly Rehearsed[],
  { fromMs, toMs, most }: RehearsalOptions,
): { readonly lists: number[][]; readonly cutAtMs: number | null } {
  let cutAtMs: number | null = null;
  const share = Math.ceil(most / Math.max(1, schedules.length));
  const lists = schedules.map(({ timing }) => {
    const list: number[] = [];
    for (const at of occurrencesAfter(timing, fromMs - 1)) {
      if (at >= (cutAtMs ?? toMs)) break;
      if (list.length >= share) {
        cutAtMs = at;
        break;
      }
      list.push(at);
    }
    return list;
  });
  const endMs = cutAtMs ?? toMs;
  return { lists: lists.map((list) => list.filter((at) => at < endMs)), cutAtMs };
}

/** Plays one schedule's occurrences under its overlap rule. */
function play(
  { id, timing, overlap, durationMs }: Rehearsed,
  times: readonly number[],
  changes: ReadonlyMap<string, readonly ZoneChange[]>,
  mostHeld: number,
): RehearsedFire[] {
  const mark = timing.kind === "cron" ? createMarker(timing.cron, changes.get(timing.timezone) ?? []) : () => null;
  /** Starts of runs that may be under way or wait, in order; those before `first` have ended. */
  const starts: number[] = [];
  let first = 0;
  return times.map((atMs): RehearsedFire => {
    const lasts = durationMs ?? 0;
    while (first < starts.length && starts[first]! + lasts <= atMs) first += 1;
    const open = starts.length - first;
    const base = { id, atMs, mark: mark(atMs) };
    if (overlap === "allow" || open === 0) {
      starts.push(atMs);
      return { ...base, outcome: "fires", reason: null, startMs: atMs, running: open };
    }
    if (overlap === "skip") return { ...base, outcome: "skipped", reason: "overlap", startMs: null, running: open };
    if (open > mostHeld) return { ...base, outcome: "skipped", reason: "queue_full", startMs: null, running: 1 };
    const startMs = starts.at(-1)! + lasts;
    starts.push(startMs);
    return { ...base, outcome: "waits", reason: null, startMs, running: 1 };
  });
}

function mostStarts(fires: readonly RehearsedFire[]): Crowd | null {
  let most: Crowd | null = null;
  let current = { atMs: Number.NaN, count: 0 };
  for (const { atMs, outcome } of fires) {
    if (outcome !== "fires") continue;
    current = current.atMs === atMs ? { atMs, count: current.count + 1 } : { atMs, count: 1 };
    if (current.count > (most?.count ?? 0)) most = current;
  }
  return most;
}

function mostRunning(schedules: readonly Rehearsed[], fires: readonly RehearsedFire[]): Map<string, Crowd> {
  const known = new Map(schedules.map((schedule) => [schedule.id, schedule]));
  const byQueue = new Map<string, { starts: number[]; ends: number[] }>();
  for (const { id, startMs } of fires) {
    const { queue, durationMs } = known.get(id)!;
    if (startMs === null || durationMs === null) continue;
    const entry = byQueue.get(queue) ?? { starts: [], ends: [] };
    byQueue.set(queue, entry);
    entry.starts.push(startMs);
    entry.ends.push(startMs + durationMs);
  }
  return new Map([...byQueue].map(([queue, { starts, ends }]) => [queue, peak(starts, ends)]));
}

/** When most of these spans lie over each other. */
function peak(starts: number[], ends: number[]): Crowd {
  starts.sort((a, b) => a - b);
  ends.sort((a, b) => a - b);
  let most: Crowd = { atMs: starts[0]!, count: 0 };
  let ended = 0;
  for (const [begun, atMs] of starts.entries()) {
    while (ended < ends.length && ends[ended]! <= atMs) ended += 1;
    const count = begun + 1 - ended;
    if (count > most.count) most = { atMs, count };
  }
  return most;
}
