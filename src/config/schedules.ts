// [schedules] of chiron.toml and what [project] says of them: how schedules are read that leave it open, and how fast missed ones start.
import { z } from "zod";

export const schedulesSchema = z.strictObject({
  start_rate: z.number().positive().max(10_000).optional(),
});

export interface ScheduleConfig {
  readonly defaultTimezone: string;
  readonly cronDialect: "unix" | "quartz";
  /** Whether CRON and INTERVAL of v1 files are honoured. */
  readonly v1Schedules: boolean;
}

/** Late starts a second in each process: after a downtime of hundreds of schedules the first runs are not starved by the rest. */
export const DEFAULT_START_RATE = 20;
