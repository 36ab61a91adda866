// How a schedule's occurrences become runs, as a file asks for it: what happens to missed and overlapping ones, how far starts are spread,
// in which queue and with how many attempts they run (decision D8). A field that is wrong disables its schedule and is named.
import { parseDuration } from "../../core/duration.ts";
import { WORKFLOW_QUEUES } from "../../core/queues.ts";
import type { ScheduleEntry } from "../catalog.ts";
import { error, type Fields, type Flaw, isFields, shown, warning } from "./problem.ts";

export const POLICY_FIELDS = [
  "catchup", "catchup_limit", "catchup_window", "overlap", "jitter", "jitter_seconds", "queue", "max_attempts",
] as const; // prettier-ignore

type Policy = Pick<
  ScheduleEntry,
  "catchup" | "catchupLimit" | "catchupWindowSeconds" | "overlap" | "jitterSeconds" | "queue" | "maxAttempts"
>;
type Add = (flaw: Flaw) => void;

const CATCHUP = ["latest", "skip", "all"] as const;
const OVERLAP = ["allow", "skip", "queue"] as const;
/** A hundred runs at once are much after a bad weekend and no danger to a store. */
const CATCHUP_LIMIT = 100;
const MAX_CATCHUP_LIMIT = 10_000;
const CATCHUP_WINDOW_SECONDS = 86_400;
/** A year: as far back as anybody reports. */
const MAX_WINDOW_SECONDS = 366 * 86_400;
/** A day: more would be another schedule. */
const MAX_JITTER_SECONDS = 86_400;
const MAX_ATTEMPTS = 1_000;

/** Every field has a value also when something is wrong; then `add` has heard an error. */
export function readPolicy(spec: Fields, add: Add): Policy {
  const { mode, limit, window } = catchupOf(spec, add);
  return {
    catchup: choice("catchup", mode, CATCHUP, add),
    catchupLimit: count("catchup_limit", limit, MAX_CATCHUP_LIMIT, add) ?? CATCHUP_LIMIT,
    catchupWindowSeconds: seconds("catchup_window", window, 1, MAX_WINDOW_SECONDS, add) ?? CATCHUP_WINDOW_SECONDS,
    overlap: choice("overlap", spec["overlap"] ?? null, OVERLAP, add),
    jitterSeconds: seconds("jitter", spec["jitter"] ?? spec["jitter_seconds"] ?? null, 0, MAX_JITTER_SECONDS, add) ?? 0,
    queue: queueOf(spec["queue"] ?? null, add),
    maxAttempts: count("max_attempts", spec["max_attempts"] ?? null, MAX_ATTEMPTS, add),
  };
}

/** `"catchup": "all"`, or a dict with its bounds: `{"mode": "all", "limit": 20, "window": "2d"}`. */
function catchupOf(spec: Fields, add: Add): { mode: unknown; limit: unknown; window: unknown } {
  const declared = spec["catchup"] ?? null;
  const limit = spec["catchup_limit"] ?? null;
  const window = spec["catchup_window"] ?? null;
  if (!isFields(declared)) return { mode: declared, limit, window };
  const unknown = Object.keys(declared).filter((field) => !["mode", "limit", "window"].includes(field));
  if (unknown.length > 0)
    add(warning(`catchup does not know ${unknown.map(shown).join(", ")}`, "Its fields are mode, limit and window."));
  return { mode: declared["mode"] ?? null, limit: declared["limit"] ?? limit, window: declared["window"] ?? window };
}

function choice<T extends string>(name: string, value: unknown, choices: readonly [T, ...T[]], add: Add): T {
  if (value === null) return choices[0];
  const found = choices.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  add(error(`${name} ${shown(value)} is none of ${choices.join(", ")}`, `Write: "${name}": "${choices[0]}"`));
  return choices[0];
}

function count(name: string, value: unknown, most: number, add: Add): number | null {
  if (value === null) return null;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most) return value;
  add(error(`${name} ${shown(value)} is not a whole number from 1 to ${most}`, `Write: "${name}": 5`));
  return null;
}

/** A number of seconds, or a text with a unit. */
function seconds(name: string, value: unknown, least: number, most: number, add: Add): number | null {
  if (value === null) return null;
  const named = typeof value === "string" && /[a-z]/i.test(value) ? parseDuration(value) : null;
  const read = named === null ? value : named / 1_000;
  if (typeof read === "number" && Number.isInteger(read) && read >= least && read <= most) return read;
  add(error(`${name} ${shown(value)} is not a time from ${least} to ${most} seconds`, `Write: "${name}": "5m"`));
  return null;
}

function queueOf(value: unknown, add: Add): string | null {
  if (value === null) return null;
  const queue = WORKFLOW_QUEUES.find((name) => name === value);
  if (queue !== undefined) return queue;
  add(error(`queue ${shown(value)} is not known`, `The queues are ${WORKFLOW_QUEUES.join(", ")}.`));
  return null;
}
