// `chiron schedules next`: the next times of all schedules, or of some, in one list.
import type { Command } from "commander";
import { occurrencesAfter } from "../core/cron/occurrences.ts";
import { ChironError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import {
  action,
  withCommonOptions,
  wholeNumber,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { localZone, readZone } from "./moment-option.ts";
import { relative } from "./when.ts";
import { idleReason, timingOf, type WireScheduleState } from "./wire-schedule.ts";
import { withClient } from "./with-client.ts";
import { utcTime, zonedTime } from "./zoned-time.ts";

interface NextOptions extends CommonOptions {
  readonly count: string;
  readonly zone?: string;
}

interface NextTime {
  readonly at: number;
  readonly schedule: WireScheduleState;
}

const EXAMPLES = `
Examples:
  $ chiron schedules next                       the next 10 of all schedules
  $ chiron schedules next nightly-report --count 30
  $ chiron schedules next --zone local          in the time of this machine`;

export function addSchedulesNextCommand(schedules: Command, deps: CommandDeps): void {
  withCommonOptions(schedules.command("next [ids...]"))
    .description("show the next times of all schedules, or of these, in one list")
    .option("--count <n>", "how many", "10")
    .option("--zone <zone>", 'a time zone, or "local" (default: each schedule\'s own)')
    .addHelpText("after", EXAMPLES)
    .action(action<NextOptions>(deps, next));
}

async function next(context: CommandContext, options: NextOptions, ids: readonly string[]): Promise<void> {
  const { output } = context;
  const count = wholeNumber(options.count, "--count", 1, 10_000);
  const zone = zoneOf(options.zone);
  await withClient(context, options, true, async (client) => {
    const answer = (await client.get("/api/workflows/schedules")) as unknown as {
      readonly now: string;
      readonly schedules: readonly WireScheduleState[];
    };
    const now = Date.parse(answer.now);
    const chosen = chooseSchedules(answer.schedules, ids);
    const times = nextTimes(chosen, now, count);
    if (output.json) {
      return output.printJson({ ok: true, now: answer.now, next: times.map((time) => fieldsOf(time, zone)) });
    }
    if (times.length === 0) output.note("nothing is scheduled");
    else {
      output.table(
        ["TIME", "UTC", "", "SCHEDULE", "WORKFLOW"],
        times.map(({ at, schedule }) => [
          zonedTime(at, zone ?? schedule.timezone),
          utcTime(at),
          relative(at, now),
          schedule.schedule_id,
          schedule.workflow_name,
        ]),
      );
    }
    for (const { schedule_id, reason } of idle(chosen)) output.note(`${schedule_id} is ${reason}`);
  });
}

/** Null: each schedule's own. */
export function zoneOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  return text.toLowerCase() === "local" ? localZone() : readZone(text, "--zone");
}

/** All, or those of these ids. Throws not_found with the nearest id. */
export function chooseSchedules<T extends { readonly schedule_id: string }>(
  all: readonly T[],
  ids: readonly string[],
): readonly T[] {
  if (ids.length === 0) return all;
  return ids.map((id) => {
    const found = all.find((schedule) => schedule.schedule_id === id);
    if (found) return found;
    const [near] = nearest(id, all.map((schedule) => schedule.schedule_id), 1); // prettier-ignore
    throw new ChironError("not_found", `there is no schedule ${id}`, {
      hint: near ? `Did you mean ${near}?` : 'See them with "chiron schedules list".',
    });
  });
}

/** The next `count` times of all of them together. */
function nextTimes(schedules: readonly WireScheduleState[], now: number, count: number): NextTime[] {
  const times: NextTime[] = [];
  for (const schedule of schedules) {
    if (idleReason(schedule) !== null) continue;
    // An interval counts from its next time; one that has not begun, from now.
    const anchor = schedule.next_at === null ? now : Date.parse(schedule.next_at);
    let taken = 0;
    for (const at of occurrencesAfter(timingOf(schedule, anchor), now)) {
      times.push({ at, schedule });
      if ((taken += 1) >= count) break;
    }
  }
  return times.sort((a, b) => a.at - b.at).slice(0, count);
}

function idle(schedules: readonly WireScheduleState[]): { readonly schedule_id: string; readonly reason: string }[] {
  return schedules.flatMap((schedule) => {
    const reason = idleReason(schedule);
    return reason === null ? [] : [{ schedule_id: schedule.schedule_id, reason }];
  });
}

function fieldsOf({ at, schedule }: NextTime, zone: string | null): object {
  const { schedule_id, workflow_name, timezone } = schedule;
  const local = zonedTime(at, zone ?? timezone);
  return { at: new Date(at).toISOString(), local, timezone: zone ?? timezone, schedule_id, workflow_name };
}
