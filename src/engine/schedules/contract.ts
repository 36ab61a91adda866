// What HTTP and the command line may ask of schedules. Every change is durable when it answers.
import type { JsonText } from "../../core/json-text.ts";
import type { Enqueued } from "../../ports/store-types.ts";
import type { Occurrence, OccurrenceFilter, StoredSchedule } from "../../ports/store-schedules.ts";

export interface BackfillRequest {
  /** Inclusive, in ms. */
  readonly fromMs: number;
  /** Exclusive, in ms; not in the future. */
  readonly toMs: number;
  /** Most occurrences; more are left out, from the newest. */
  readonly limit: number;
  /** Only tells what would happen. */
  readonly dryRun: boolean;
}

export interface BackfilledOccurrence {
  readonly at: number;
  readonly fireKey: string;
  /** fired: started now. held: starts when the task before it has ended. exists: started before. planned: of a dry run. */
  readonly status: "fired" | "held" | "exists" | "planned";
  readonly taskId: string | null;
}

export interface Backfilled {
  readonly occurrences: readonly BackfilledOccurrence[];
  /** More occurrences were in the range than the limit allows. */
  readonly truncated: boolean;
}

/** A schedule at one moment of the store's clock. */
export interface SeenSchedule {
  readonly now: number;
  readonly schedule: StoredSchedule;
}

export interface ScheduleControl {
  /** All that are not removed, by id, with the store's time. */
  list(): Promise<{ readonly now: number; readonly schedules: readonly StoredSchedule[] }>;
  /** Throws not_found. */
  get(scheduleId: string): Promise<SeenSchedule>;
  /** The next times of a stored schedule after `afterMs`. */
  next(schedule: StoredSchedule, afterMs: number, count: number): number[];
  /** Throws not_found. */
  occurrences(filter: OccurrenceFilter): Promise<Occurrence[]>;
  /** Throws not_found, or conflict for one that is removed. */
  pause(scheduleId: string): Promise<SeenSchedule>;
  resume(scheduleId: string): Promise<SeenSchedule>;
  /** Starts a task now, whatever the schedule's state. Fields of `input` win over the declared ones. */
  fire(
    scheduleId: string,
    options: { readonly input?: JsonText; readonly idempotencyKey?: string },
  ): Promise<Enqueued & { readonly fireKey: string }>;
  backfill(scheduleId: string, request: BackfillRequest): Promise<Backfilled>;
}
