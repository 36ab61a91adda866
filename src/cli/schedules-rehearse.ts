// `chiron schedules rehearse`: what would have fired, or will fire, between two moments, without firing anything. The schedules are those
// of the server, or of the files; a year of them takes well under a second.
import fs from "node:fs";
import type { Command } from "commander";
import { type Rehearsal, rehearse } from "../core/cron/rehearsal.ts";
import { parseDuration } from "../core/duration.ts";
import { ChironError } from "../core/errors.ts";
import { queueOf } from "../core/queues.ts";
import { MAX_HELD } from "../engine/schedules/plan.ts";
import type { ConfigFlags } from "../config/config.ts";
import {
  action,
  withCommonOptions,
  wholeNumber,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { readMoment } from "./moment-option.ts";
import { printRehearsal } from "./rehearsal-page.ts";
import { rehearsalFields } from "./rehearsal-fields.ts";
import { runDurations, type RunDuration } from "./run-durations.ts";
import { chooseSchedules, zoneOf } from "./schedules-next.ts";
import { withScratchRuntime } from "./scratch-runtime.ts";
import type { WireProblem } from "./wire-catalog.ts";
import { timingOf, type WireDeclared, type WireScheduleState } from "./wire-schedule.ts";
import { withClient } from "./with-client.ts";

interface RehearseOptions extends CommonOptions {
  readonly from: string;
  readonly to: string;
  readonly zone?: string;
  readonly limit?: string;
  readonly duration?: string;
  readonly files?: readonly string[] | boolean;
}

/** A schedule with what the rehearsal assumed of it. */
export interface RehearsedSchedule extends WireDeclared {
  readonly anchorMs: number;
  /** Whether an interval counts from the start of the range, because nothing says when it began. */
  readonly assumedAnchor: boolean;
  readonly duration: RunDuration | null;
  /** Why nothing of it fires; null: it does. */
  readonly idle: string | null;
}

export interface RehearsalPage {
  readonly fromMs: number;
  readonly toMs: number;
  readonly nowMs: number;
  /** Null: each schedule's own. */
  readonly zone: string | null;
  readonly schedules: readonly RehearsedSchedule[];
  readonly rehearsal: Rehearsal;
  readonly problems: readonly WireProblem[];
}

/** Two years of a schedule that fires every minute. */
const MOST_OCCURRENCES = 1_000_000;
const SHOWN = 50;
/** Ten years and some leap days. */
const LONGEST_MS = 3_700 * 86_400_000;

const EXAMPLES = `
Examples:
  $ chiron schedules rehearse                                    the coming week
  $ chiron schedules rehearse nightly-report --from 2026-03-07 --to 2026-03-10
  $ chiron schedules rehearse --from 2026-01-01 --to 2027-01-01 --limit 0
  $ chiron schedules rehearse --duration 20m --files flows       the files, without a server
Overlaps are played with the durations of past runs (nine of ten were not longer), or with --duration. Paused and disabled
schedules fire nothing. Jitter is left out.`;

export function addSchedulesRehearseCommand(schedules: Command, deps: CommandDeps): void {
  withCommonOptions(schedules.command("rehearse [ids...]"))
    .description("show what would fire between two moments, with changes of the clock and overlaps; nothing fires")
    .option("--from <time>", "first time: RFC 3339, a wall time of --zone, now, -7d", "now")
    .option("--to <time>", "end, itself not in the range; +30d counts from --from", "+7d")
    .option("--zone <zone>", 'zone of the times, or "local" (default: each schedule\'s own; UTC for --from and --to)')
    .option("--duration <duration>", "how long runs take, instead of what past runs took")
    .option("--limit <n>", `how many occurrences to print; 0: all (default ${SHOWN}; with --json all)`)
    .option("--files [dirs...]", "read the workflow folders (or these) instead of the server; no store is opened")
    .addHelpText("after", EXAMPLES)
    .action(action<RehearseOptions>(deps, run, flagsOf));
}

function flagsOf({ files }: RehearseOptions): ConfigFlags {
  return Array.isArray(files) && files.length > 0 ? { dirs: files } : {};
}

async function run(context: CommandContext, options: RehearseOptions, ids: readonly string[]): Promise<void> {
  const { output } = context;
  const limit = wholeNumber(options.limit ?? (output.json ? "0" : String(SHOWN)), "--limit", 0, MOST_OCCURRENCES);
  const given = durationOf(options);
  const play = (found: Found): void => {
    const page = rehearsePage(found, options, ids);
    const shown = limit === 0 ? MOST_OCCURRENCES : limit;
    if (output.json) output.printJson(rehearsalFields(page, shown));
    else printRehearsal(output, page, shown);
  };
  if (options.files) return play(await readFiles(context, given));
  await withClient(context, options, true, async (client) => {
    const states = (await client.get("/api/workflows/schedules")) as unknown as States;
    const { problems } = (await client.get("/api/workflows")) as unknown as { problems: readonly WireProblem[] };
    const chosen = chooseSchedules(states.schedules, ids);
    const names = chosen.map(({ workflow_name }) => workflow_name);
    const durations = given ? null : await runDurations(client, names);
    play({
      now: Date.parse(states.now),
      schedules: states.schedules,
      problems,
      durationOf: (name) => given ?? durations?.get(name) ?? null,
    });
  });
}

interface States {
  readonly now: string;
  readonly schedules: readonly (WireDeclared & Partial<WireScheduleState>)[];
}

interface Found {
  readonly now: number;
  readonly schedules: States["schedules"];
  readonly problems: readonly WireProblem[];
  readonly durationOf: (workflowName: string) => RunDuration | null;
}

function durationOf({ duration }: RehearseOptions): RunDuration | null {
  if (duration === undefined) return null;
  const ms = parseDuration(duration);
  if (ms !== null) return { ms, runs: 0 };
  throw new ChironError("bad_request", `--duration: ${duration} is not a duration`, { hint: "Write 90s, 20m or 2h." });
}

/** As `chiron check` loads them. */
async function readFiles({ wiring, config }: CommandContext, given: RunDuration | null): Promise<Found> {
  if (!config.dirs.some((dir) => fs.existsSync(dir)))
    throw new ChironError("not_found", `there is no ${config.dirs.join(", ")}`, {
      hint: "Name the folders: chiron schedules rehearse --files DIR…",
    });
  return withScratchRuntime(wiring, config, async (runtime) => {
    const answer = await runtime.fetch(new Request("http://localhost/api/workflows"));
    const catalog = (await answer.json()) as { schedules: readonly WireDeclared[]; problems: readonly WireProblem[] };
    return { ...catalog, now: Date.now(), durationOf: () => given };
  });
}

function rehearsePage(found: Found, options: RehearseOptions, ids: readonly string[]): RehearsalPage {
  const zone = zoneOf(options.zone);
  const fromMs = readMoment(options.from, "--from", { now: found.now, zone: zone ?? "UTC" });
  const toMs = readMoment(options.to, "--to", { now: fromMs, zone: zone ?? "UTC" });
  if (toMs <= fromMs) throw new ChironError("bad_request", "--to is not after --from");
  if (toMs - fromMs > LONGEST_MS) throw new ChironError("bad_request", "the range is longer than ten years");
  const schedules = chooseSchedules(found.schedules, ids).map((schedule) => assume(schedule, fromMs, found));
  const rehearsed = schedules
    .filter(({ idle }) => idle === null)
    .map((schedule) => ({
      id: schedule.schedule_id,
      timing: timingOf(schedule, schedule.anchorMs),
      overlap: schedule.overlap,
      durationMs: schedule.duration?.ms ?? null,
      queue: schedule.queue ?? queueOf(schedule.workflow_name),
    }));
  const rehearsal = rehearse(rehearsed, { fromMs, toMs, most: MOST_OCCURRENCES, mostHeld: MAX_HELD });
  const problems = found.problems.filter(({ kind }) => kind === "schedule");
  return { fromMs, toMs, nowMs: found.now, zone, schedules, rehearsal, problems };
}

function assume(schedule: States["schedules"][number], fromMs: number, found: Found): RehearsedSchedule {
  const next = schedule.next_at ?? null;
  const idle = schedule.paused ? "paused" : schedule.enabled && schedule.state !== "disabled" ? null : "disabled";
  return {
    ...schedule,
    anchorMs: next === null ? fromMs : Date.parse(next),
    assumedAnchor: schedule.kind.type === "interval" && next === null,
    duration: found.durationOf(schedule.workflow_name),
    idle: schedule.state === "removed" ? "removed" : idle,
  };
}
