// SCHEDULE of a workflow -> checked entries (reference behaviour, sections 7.1 and 7.4; decisions D1 to D3, D8). A bad schedule disables
// itself alone and becomes a problem; when it fires is left to the engine.
import { parseDuration } from "../../core/duration.ts";
import { nearest } from "../../core/nearest.ts";
import type { DiscoveredWorkflow } from "../../ports/host.ts";
import type { ScheduleEntry } from "../catalog.ts";
import { type CronDialect, readCron } from "../../core/cron/expression.ts";
import { nextOccurrences } from "../../core/cron/occurrences.ts";
import {
  type DeclarationProblem,
  error,
  type Fields,
  type Flaw,
  ID_PATTERN,
  isFields,
  problemOf,
  shown,
  warning,
} from "./problem.ts";
import { readInput } from "./schedule-input.ts";
import { POLICY_FIELDS, readPolicy } from "./schedule-policy.ts";
import { isTimeZone, localTime, nearestTimeZones } from "./time-zone.ts";

export interface ScheduleOptions {
  readonly defaultTimezone: string;
  /** In ms; the next fires in a warning are counted from here. */
  readonly now: number;
  /** For schedules that name none; unix unless the project says otherwise. */
  readonly cronDialect?: CronDialect;
  /** Whether CRON and INTERVAL of v1 files are honoured. */
  readonly v1Schedules?: boolean;
}

type Declaring = Pick<DiscoveredWorkflow, "workflowName" | "sourcePath" | "schedule" | "lines">;
type Owner = Pick<ScheduleEntry, "workflowName" | "sourcePath">;

const FIELDS = [
  "type", "schedule_id", "cron", "cron_dialect", "interval_seconds", "seconds", "interval", "timezone", "enabled", "no_delivery",
  "input", "thread_key", "slack_channel", "workflow_name", "source_path", ...POLICY_FIELDS,
]; // prettier-ignore
/** Ten years: beyond it an interval is a mistake of units. */
const MAX_INTERVAL_SECONDS = 315_360_000;
const FIRES_SHOWN = 5;

/** The schedules a workflow declares. `taken`: ids of workflows read before it, whose owners keep them. */
export function schedulesOf(
  workflow: Declaring,
  taken: ReadonlyMap<string, Owner>,
  options: ScheduleOptions,
): { readonly entries: readonly ScheduleEntry[]; readonly problems: readonly DeclarationProblem[] } {
  const declared: unknown = workflow.schedule ?? [];
  const entries = new Map<string, ScheduleEntry>();
  const problems: DeclarationProblem[] = [];
  for (const [index, spec] of (Array.isArray(declared) ? (declared as unknown[]) : [declared]).entries()) {
    const { entry, flaws } = readSchedule(spec, workflow, options, index);
    for (const flaw of flaws) problems.push(problemOf(workflow, "schedule", flaw));
    if (entry === null) continue;
    const owner = taken.get(entry.scheduleId) ?? entries.get(entry.scheduleId);
    if (owner) {
      const message = `schedule ${shown(entry.scheduleId)}: the id is taken by ${owner.workflowName} (${owner.sourcePath}), which keeps it`;
      problems.push(problemOf(workflow, "schedule", error(message, 'Give it its own: "schedule_id": "my-schedule"')));
      continue;
    }
    entries.set(entry.scheduleId, entry);
  }
  return { entries: [...entries.values()], problems };
}

/** One schedule. Errors leave it null; warnings do not. `index`: its place in the workflow's list. */
function readSchedule(
  spec: unknown,
  workflow: Declaring,
  options: ScheduleOptions,
  index: number,
): { readonly entry: ScheduleEntry | null; readonly flaws: readonly Flaw[] } {
  const flaws: Flaw[] = [];
  const called = nameOf(spec, Array.isArray(workflow.schedule), index);
  const add = (flaw: Flaw) => flaws.push({ ...flaw, message: `${called}: ${flaw.message}` });
  if (!isFields(spec)) {
    add(error(`is ${shown(spec)}, not a dict`, 'Write: {"cron": "0 9 * * MON-FRI", "timezone": "UTC"}'));
    return { entry: null, flaws };
  }
  const { sourcePath, workflowName } = workflow;
  const scheduleId = readId(spec, workflowName, index, add);
  const timezone = readTimezone(spec, options, add);
  const kind = timezone === null ? null : readKind(spec, timezone, options, add);
  const enabled = readFlag(spec, "enabled", true, add);
  const noDelivery = readFlag(spec, "no_delivery", false, add);
  const { input, flaws: inputFlaws } = readInput(spec, workflowName, noDelivery);
  inputFlaws.forEach(add);
  const policy = readPolicy(spec, add);
  for (const name of Object.keys(spec).filter((field) => !FIELDS.includes(field))) {
    const [near] = nearest(name, FIELDS, 1);
    add(
      warning(
        `the field ${shown(name)} is not known and has no effect`,
        near ? `Did you mean "${near}"?` : "Remove it.",
      ),
    );
  }
  const failed = flaws.some((flaw) => flaw.severity === "error");
  if (failed || scheduleId === null || timezone === null || kind === null || input === null)
    return { entry: null, flaws };
  return {
    entry: { scheduleId, workflowName, sourcePath, kind, timezone, input, enabled, noDelivery, ...policy },
    flaws,
  };
}

/** How a problem calls the schedule, so that it is found among several of one file. */
function nameOf(spec: unknown, isListed: boolean, index: number): string {
  const id = isFields(spec) ? spec["schedule_id"] : null;
  if (typeof id === "string" && id.trim() !== "") return `schedule ${shown(id.trim())}`;
  return isListed ? `SCHEDULE[${index}]` : "SCHEDULE";
}

type Add = (flaw: Flaw) => void;

function readId(spec: Fields, workflowName: string, index: number, add: Add): string | null {
  const fix = 'Write lower-case letters, digits, ".", "_" and "-": "schedule_id": "nightly-report"';
  const declared = spec["schedule_id"] ?? null;
  const suffix = index === 0 ? "" : `-${index + 1}`;
  // A host fills in the name itself, which need not be an id; that is as good as none.
  if (declared !== null && declared !== workflowName + suffix) {
    const id = typeof declared === "string" ? declared.trim() : "";
    if (ID_PATTERN.test(id)) return id;
    add(error(`schedule_id ${shown(declared)} is not allowed`, fix));
    return null;
  }
  const base = workflowName.toLowerCase().replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+/, "").slice(0, 100); // prettier-ignore
  if (base === "") {
    add(error(`the workflow's name ${shown(workflowName)} gives no schedule id`, fix));
    return null;
  }
  const id = base + suffix;
  if (index > 0)
    add(warning(`number ${index + 1} of the list has no schedule_id and takes ${shown(id)} from its place`, fix));
  return id;
}

function readTimezone(spec: Fields, options: ScheduleOptions, add: Add): string | null {
  const declared = spec["timezone"] ?? "";
  if (typeof declared !== "string" || (declared.trim() !== "" && !isTimeZone(declared.trim()))) {
    const near = typeof declared === "string" ? nearestTimeZones(declared) : [];
    const fix = near.length > 0 ? `Did you mean ${near.join(" or ")}?` : 'Write: "timezone": "America/New_York"';
    add(error(`timezone ${shown(declared)} is not known`, fix));
    return null;
  }
  if (declared.trim() !== "") return declared.trim();
  const zone = isTimeZone(options.defaultTimezone) ? options.defaultTimezone : "UTC";
  if ((spec["cron"] ?? null) !== null) {
    add(warning(`no timezone: the cron is read in ${zone}, the project's default`, `Add: "timezone": "${zone}"`));
  }
  return zone;
}

function readKind(spec: Fields, zone: string, options: ScheduleOptions, add: Add): ScheduleEntry["kind"] | null {
  const cron = spec["cron"] ?? null;
  if (cron === null) return readInterval(spec, add);
  const fix = 'Write five fields: "cron": "0 9 * * MON-FRI"';
  if (typeof cron !== "string") {
    add(error(`cron is ${shown(cron)}, not a string`, fix));
    return null;
  }
  const dialect = readDialect(spec, options, add);
  const read = readCron(cron, dialect);
  if (!read.ok) {
    add(error(`cron ${shown(cron)}: ${read.reason}`, fix));
    return null;
  }
  if (nextOccurrences({ kind: "cron", cron: read.expression, timezone: zone }, options.now, 1).length === 0) {
    add(error(`cron ${shown(cron)} never fires again`, "Correct the day, month or year."));
    return null;
  }
  if (read.numericWeekday || read.bothDays) add(readings(cron, dialect, zone, options.now, read.numericWeekday));
  return { type: "cron", cron: read.expression };
}

function readDialect(spec: Fields, options: ScheduleOptions, add: Add): CronDialect {
  const declared = spec["cron_dialect"] ?? options.cronDialect ?? "unix";
  if (declared === "unix" || declared === "quartz") return declared;
  add(
    error(
      `cron_dialect ${shown(declared)} is neither unix nor quartz`,
      'Write: "cron_dialect": "quartz", or leave it out',
    ),
  );
  return "unix";
}

/** Both readings of an expression that people and the reference read differently, each with its next fires. */
function readings(cron: string, dialect: CronDialect, zone: string, now: number, weekday: boolean): Flaw {
  const told = (["unix", "quartz"] as const).map((reading) => {
    const read = readCron(cron, reading);
    const rule = reading === "unix" ? "0 and 7 are Sunday, either day matches" : "1 is Sunday, both days must match";
    const fires = read.ok
      ? nextOccurrences({ kind: "cron", cron: read.expression, timezone: zone }, now, FIRES_SHOWN).map((at) => localTime(at, zone)).join(", ") || "never"
      : `an error, ${read.reason}`; // prettier-ignore
    return `${reading === dialect ? "in effect" : "otherwise"}: ${reading} (${rule}): ${fires}`;
  });
  const cause = weekday ? "a numeric day of the week" : "both a day of the month and a day of the week";
  const fix = weekday
    ? 'Name the days: "0 9 * * MON-FRI" means the same everywhere.'
    : 'Say which you mean: "cron_dialect": "quartz" for both at once, "unix" for either.';
  return warning(`cron ${shown(cron)} has ${cause}, which is read in two ways. ${told.join("; ")}`, fix);
}

function readInterval(spec: Fields, add: Add): ScheduleEntry["kind"] | null {
  const fix = 'Write: "interval_seconds": 900';
  const declared = spec["interval_seconds"] ?? spec["seconds"] ?? spec["interval"] ?? null;
  if (declared === null) {
    add(error("has neither cron nor interval_seconds", `${fix}, or "cron": "0 9 * * MON-FRI"`));
    return null;
  }
  // A text with a unit says what it means; a bare number in quotes may be a mistake and is refused, as in the reference.
  const named = typeof declared === "string" && /[a-z]/i.test(declared) ? parseDuration(declared) : null;
  const seconds = named === null ? declared : named / 1_000;
  if (typeof seconds !== "number" || !Number.isInteger(seconds) || seconds <= 0 || seconds > MAX_INTERVAL_SECONDS) {
    add(
      error(
        `the interval ${shown(declared)} is not a whole number of seconds between 1 and ${MAX_INTERVAL_SECONDS}`,
        fix,
      ),
    );
    return null;
  }
  return { type: "interval", interval_seconds: seconds };
}

function readFlag(spec: Fields, name: "enabled" | "no_delivery", fallback: boolean, add: Add): boolean {
  const value = spec[name] ?? fallback;
  if (typeof value === "boolean") return value;
  if (value === 0 || value === 1) return value === 1;
  if (typeof value === "string") {
    const word = value.trim().toLowerCase();
    if (["0", "false", "no", "off"].includes(word)) return false;
    if (["1", "true", "yes", "on"].includes(word)) return true;
  }
  add(error(`${name} is ${shown(value)}, neither True nor False`, `Write: "${name}": ${fallback ? "True" : "False"}`));
  return fallback;
}
