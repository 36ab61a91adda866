// How long runs of workflows take, from the newest ones that ended: what a rehearsal lays beside each other.
import { formatDuration } from "../core/duration.ts";
import type { Client } from "./client.ts";
import type { WireRun } from "./wire-run.ts";

export interface RunDuration {
  readonly ms: number;
  /** How many runs say so; 0: somebody gave the number. */
  readonly runs: number;
}

const SAMPLE = 100;
/** Nine of ten runs were not longer. */
const SHARE = 0.9;

/** By workflow; those without an ended run are absent. */
export async function runDurations(
  client: Pick<Client, "get">,
  workflowNames: readonly string[],
): Promise<ReadonlyMap<string, RunDuration>> {
  const durations = new Map<string, RunDuration>();
  for (const name of new Set(workflowNames)) {
    const query = new URLSearchParams({ workflow_name: name, status: "completed", limit: String(SAMPLE) });
    const page = (await client.get(`/api/workflows/runs?${query.toString()}`)) as unknown as {
      runs: readonly WireRun[];
    };
    const taken = page.runs.flatMap(({ created_at, finished_at }) =>
      finished_at === null ? [] : [Math.max(0, Date.parse(finished_at) - Date.parse(created_at))],
    );
    taken.sort((a, b) => a - b);
    const ms = taken[Math.ceil(taken.length * SHARE) - 1];
    if (ms !== undefined) durations.set(name, { ms, runs: taken.length });
  }
  return durations;
}

export function durationText(duration: RunDuration | null): string {
  if (duration === null) return "not known";
  return duration.runs === 0
    ? formatDuration(duration.ms)
    : `${formatDuration(duration.ms)} (of ${duration.runs} runs)`;
}
