// Schedules as the API answers them, and what a rehearsal makes of one.
import type { Timing } from "../core/cron/occurrences.ts";
import { formatDuration } from "../core/duration.ts";

/** As a file declares it: an entry of the catalog. */
export interface WireDeclared {
  readonly schedule_id: string;
  readonly workflow_name: string;
  readonly source_path: string;
  readonly kind:
    | { readonly type: "interval"; readonly interval_seconds: number }
    | { readonly type: "cron"; readonly cron: string };
  readonly timezone: string;
  readonly enabled: boolean;
  readonly overlap: "allow" | "skip" | "queue";
  readonly catchup: "latest" | "skip" | "all";
  readonly jitter_seconds: number;
  readonly queue: string | null;
}

export interface WireOccurrence {
  readonly id: number;
  readonly at: string;
  readonly to: string;
  readonly count: number | null;
  readonly source: "schedule" | "manual" | "backfill";
  readonly outcome: "fired" | "held" | "skipped";
  readonly reason: string | null;
  readonly task_id: string | null;
  readonly accounted_at: string;
}

export interface WireScheduleState extends WireDeclared {
  readonly state: "active" | "disabled" | "removed" | "undeclared";
  readonly paused: boolean;
  readonly next_at: string | null;
  readonly due_at: string | null;
  readonly accounted_to: string | null;
  readonly held: number;
  readonly running: number;
  readonly last: WireOccurrence | null;
}

/** "0 9 * * MON-FRI Europe/Berlin", "every 15m". */
export function whenText({ kind, timezone }: Pick<WireDeclared, "kind" | "timezone">): string {
  return kind.type === "cron" ? `${kind.cron} ${timezone}` : `every ${formatDuration(kind.interval_seconds * 1_000)}`;
}

/** `anchorMs`: one of the times of an interval. */
export function timingOf({ kind, timezone }: Pick<WireDeclared, "kind" | "timezone">, anchorMs: number): Timing {
  if (kind.type === "cron") return { kind: "cron", cron: kind.cron, timezone };
  return { kind: "interval", intervalMs: kind.interval_seconds * 1_000, anchorMs };
}

/** Why it does not fire now; null: it does. */
export function idleReason(schedule: WireScheduleState): string | null {
  if (!schedule.enabled || schedule.state === "disabled") return "disabled";
  if (schedule.state === "removed") return "removed";
  return schedule.paused ? "paused" : null;
}
