// Schedules in the store: what was declared last, how far each is accounted, and what became of its occurrences. A schedule's `version`
// rises with every change of it; a change names the version it was made from and is refused when that is not the newest one, so that of
// any number of processes one accounts an occurrence. Which occurrences there are is the engine's to know.
import type { TaskId } from "../core/ids.ts";
import type { Enqueued, NewTask } from "./store-types.ts";

/** One schedule as a file declares it, checked. */
export interface ScheduleDefinition {
  readonly scheduleId: string;
  readonly workflowName: string;
  readonly sourcePath: string;
  readonly kind:
    | { readonly type: "interval"; readonly interval_seconds: number }
    | { readonly type: "cron"; readonly cron: string };
  readonly timezone: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly enabled: boolean;
  readonly noDelivery: boolean;
  /** What becomes of occurrences that were missed (decision D8). */
  readonly catchup: "latest" | "skip" | "all";
  /** Of `all`: most occurrences made up for at once. */
  readonly catchupLimit: number;
  /** Of `all`: how far back, in seconds. */
  readonly catchupWindowSeconds: number;
  /** What becomes of an occurrence while an earlier task of the schedule is unfinished. */
  readonly overlap: "allow" | "skip" | "queue";
  /** Each occurrence starts up to this much later, by an amount of its own. */
  readonly jitterSeconds: number;
  /** Null: where the workflow's name belongs. */
  readonly queue: string | null;
  /** Null: the engine's default. */
  readonly maxAttempts: number | null;
}

export interface ScheduleRow {
  readonly scheduleId: string;
  readonly version: number;
  /** Rises with every new definition. */
  readonly revision: number;
  readonly definition: ScheduleDefinition;
  readonly state: "active" | "disabled" | "removed";
  /** Null: not paused. */
  readonly pausedAt: number | null;
  /** What an interval counts from. */
  readonly anchorAt: number;
  /** Every occurrence up to here is accounted. */
  readonly accountedTo: number;
  /** The next occurrence; null: none. */
  readonly nextAt: number | null;
  /** When it starts: with its jitter. */
  readonly dueAt: number | null;
  /** Since when no file declares it, where that does not remove it at once. */
  readonly missingSince: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface StoredSchedule extends ScheduleRow {
  /** Occurrences that wait for an earlier task's end. */
  readonly held: number;
  /** Unfinished tasks that its overlap rule looks at. */
  readonly running: number;
  readonly last: Occurrence | null;
}

export const SKIP_REASONS = [
  "catchup_latest",
  "catchup_skip",
  "catchup_limit",
  "catchup_window",
  "overlap",
  "queue_full",
  "paused",
  "disabled",
  "removed",
] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

export interface Occurrence {
  readonly scheduleId: string;
  /** Rises; the cursor. */
  readonly seq: number;
  readonly at: number;
  /** The last of several that were skipped for one reason; else equal to `at`. */
  readonly to: number;
  /** How many it stands for; null: too many to be counted. */
  readonly count: number | null;
  readonly source: "schedule" | "manual" | "backfill";
  readonly outcome: "fired" | "held" | "skipped";
  readonly reason: SkipReason | null;
  readonly fireKey: string | null;
  readonly taskId: TaskId | null;
  /** The definition it was accounted under. */
  readonly revision: number;
  readonly accountedAt: number;
}

/** An occurrence to be recorded. Skipped ones continue the newest record when that says the same. */
export type NewOccurrence = Pick<Occurrence, "at" | "to" | "count" | "source" | "outcome" | "reason" | "fireKey"> & {
  /** What a fired one starts, in the same transaction. */
  readonly task: NewTask | null;
  /** The overlap rule looks at its task. */
  readonly tracked: boolean;
};

export interface Accounting {
  readonly scheduleId: string;
  readonly version: number;
  readonly accountedTo: number;
  readonly nextAt: number | null;
  readonly dueAt: number | null;
  /** In order. One with the fire key of a held record settles that. */
  readonly records: readonly NewOccurrence[];
}

/** The changed row's version, or that somebody else changed it first. */
export type ScheduleChanged = { readonly ok: true } | { readonly ok: false; readonly reason: "changed" };
export type Accounted =
  | {
      readonly ok: true;
      /** Of the records with a task, in order. */
      readonly started: readonly Enqueued[];
    }
  | { readonly ok: false; readonly reason: "changed" };

/** Version 0: there must be none of this id yet. */
export type ScheduleDeclaration = Omit<ScheduleRow, "createdAt" | "updatedAt">;

export interface OccurrenceFilter {
  readonly scheduleId: string;
  readonly outcome?: Occurrence["outcome"];
  /** Only these. */
  readonly fireKeys?: readonly string[];
  /** Only records older than this seq. */
  readonly before?: number;
  /** Oldest first instead of newest first. */
  readonly ascending?: boolean;
  readonly limit: number;
}

export interface ScheduleStore {
  /** All of them, removed ones too, with the store's time. */
  list(): Promise<{ readonly now: number; readonly schedules: StoredSchedule[] }>;
  find(scheduleId: string): Promise<{ readonly now: number; readonly schedule: StoredSchedule | null }>;
  /** Those with something to do now, by the store's clock, and when the next one has. */
  due(
    limit: number,
  ): Promise<{ readonly now: number; readonly schedules: StoredSchedule[]; readonly nextDueAt: number | null }>;
  declare(declarations: readonly ScheduleDeclaration[]): Promise<ScheduleChanged[]>;
  /** Several for one schedule name the versions that the ones before them make. */
  account(accountings: readonly Accounting[]): Promise<Accounted[]>;
  occurrences(filter: OccurrenceFilter): Promise<Occurrence[]>;
  /**
   * Says that this process declares these schedules (`digest` tells sets apart) and answers whether they are in force: of the sets that
   * live processes declare the one that was first declared last.
   */
  announce(digest: string): Promise<boolean>;
  /** Deletes records accounted before this. Answers how many. */
  forget(beforeMs: number, limit: number): Promise<number>;
}
