// One reason why a task stands where it stands, and the words all of them share.
import { formatDuration } from "../core/duration.ts";

/** One reason. kind is stable, for programs; message and hint are for a person. */
export interface Finding {
  readonly kind:
    | "time"
    | "event"
    | "near_event"
    | "child"
    | "child_ended_badly"
    | "queue_full"
    | "queue_position"
    | "backoff"
    | "due"
    | "not_loaded"
    | "not_allowed"
    | "schedule_paused"
    | "held"
    | "dead_holder"
    | "call"
    | "clock"
    | "nobody_works"
    | "imported"
    | "completed"
    | "failed"
    | "crashed"
    | "cancelled";
  readonly message: string;
  readonly hint: string | null;
}

/** RFC 3339 in seconds. */
export function instant(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** "3m ago", "in 2h 5m". */
export function ago(ms: number, now: number): string {
  return ms <= now ? `${formatDuration(now - ms)} ago` : `in ${formatDuration(ms - now)}`;
}
