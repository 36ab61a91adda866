// Ids as people type them. All ids of one minute begin alike, so the short form is the end of an id; the beginning is accepted too.
import { ChironError } from "../core/errors.ts";
import { isUuid } from "../core/ids.ts";
import type { Client } from "./client.ts";
import type { WireRun } from "./wire-run.ts";

const SHORT = 12;
const LEAST = 8;
/** How many of the newest tasks a short id is looked for in. */
const SEARCHED = 1_000;

/** The part of an id that tells it from its neighbours. */
export function shortId(id: string): string {
  return id.slice(-SHORT);
}

/** The full id of a task or run. Throws bad_request for a text that is none, not_found, or conflict for one that several have. */
export async function resolveRunId(client: Client, text: string): Promise<string> {
  const wanted = text.trim().toLowerCase();
  if (isUuid(wanted)) return wanted;
  if (!/^[0-9a-f-]+$/.test(wanted) || wanted.length < LEAST || wanted.length > 36) {
    throw new ChironError("bad_request", `${text} is not the id of a run`, {
      hint: `Give a task or run id, or at least ${LEAST} characters of its end or beginning; see "chiron runs list".`,
    });
  }
  const { runs } = await client.get(`/api/workflows/runs?limit=${SEARCHED}`);
  const found = matches(runs as readonly WireRun[], wanted);
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    throw new ChironError("not_found", `no run of the newest ${SEARCHED} has the id ${text}`, {
      hint: "Give the whole id for an older one.",
    });
  }
  throw new ChironError("conflict", `${found.length} runs have ${text} in their id: ${found.slice(0, 5).join(", ")}`, {
    hint: "Give more of the id.",
  });
}

/** The ids that fit, each task once: its run's id names it as well. */
export function matches(runs: readonly Pick<WireRun, "run_id" | "task_id">[], wanted: string): string[] {
  const fits = (id: string): boolean => id.startsWith(wanted) || id.endsWith(wanted);
  return runs
    .map(({ run_id, task_id }) => (fits(run_id) ? run_id : fits(task_id) ? task_id : null))
    .filter((id) => id !== null);
}
