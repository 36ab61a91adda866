// `chiron schedules show`: one schedule, its next times and what became of its newest occurrences.
import type { Command } from "commander";
import { formatDuration } from "../core/duration.ts";
import {
  action,
  withCommonOptions,
  wholeNumber,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { shortId } from "./run-id.ts";
import { relative } from "./when.ts";
import { idleReason, whenText, type WireOccurrence, type WireScheduleState } from "./wire-schedule.ts";
import { withClient } from "./with-client.ts";
import { utcTime, zonedTime } from "./zoned-time.ts";
import { printable } from "./output.ts";

interface ShowOptions extends CommonOptions {
  readonly limit: string;
}

export function addSchedulesShowCommand(schedules: Command, deps: CommandDeps): void {
  withCommonOptions(schedules.command("show <id>"))
    .description("show a schedule: its next times, and what became of its newest occurrences and why")
    .option("--limit <n>", "how many occurrences", "20")
    .addHelpText("after", "\nExample:\n  $ chiron schedules show nightly-report --limit 100")
    .action(action<ShowOptions>(deps, (context, options, [id]) => show(context, options, id!)));
}

interface Shown {
  readonly now: string;
  readonly schedule: WireScheduleState;
  readonly next: readonly string[];
}

async function show(context: CommandContext, options: ShowOptions, id: string): Promise<void> {
  const { output } = context;
  const limit = wholeNumber(options.limit, "--limit", 1, 1_000);
  const place = `/api/workflows/schedules/${encodeURIComponent(id)}`;
  await withClient(context, options, true, async (client) => {
    const shown = (await client.get(place)) as unknown as Shown;
    const records = (await client.get(`${place}/occurrences?limit=${limit}`)) as unknown as {
      readonly occurrences: readonly WireOccurrence[];
      readonly next_cursor: number | null;
    };
    if (output.json) return output.printJson({ ...shown, ...records });
    const { schedule, next } = shown;
    const now = Date.parse(shown.now);
    output.print(`${schedule.schedule_id} starts ${printable(schedule.workflow_name)}: ${whenText(schedule)}`);
    output.print(rulesText(schedule));
    const idle = idleReason(schedule);
    if (idle !== null) output.print(`it is ${idle}`);
    for (const time of next.map((text) => Date.parse(text)))
      output.print(`next  ${zonedTime(time, schedule.timezone)}  ${utcTime(time)}  ${relative(time, now)}`);
    if (records.occurrences.length === 0) return output.note("nothing has become of it yet");
    output.print("");
    output.table(
      ["TIME", "TO", "OUTCOME", "REASON", "COUNT", "RUN"],
      records.occurrences.map((record) => row(record, schedule.timezone)),
    );
  });
}

function rulesText({ overlap, catchup, jitter_seconds, queue, held, running }: WireScheduleState): string {
  return [
    `overlap ${overlap}`,
    `catch-up ${catchup}`,
    ...(jitter_seconds > 0 ? [`jitter up to ${formatDuration(jitter_seconds * 1_000)}`] : []),
    ...(queue === null ? [] : [`queue ${queue}`]),
    ...(running > 0 ? [`${running} running`] : []),
    ...(held > 0 ? [`${held} waiting`] : []),
  ].join(", ");
}

function row({ at, to, outcome, reason, source, count, task_id }: WireOccurrence, zone: string): string[] {
  return [
    zonedTime(Date.parse(at), zone),
    to === at ? "" : zonedTime(Date.parse(to), zone),
    outcome,
    reason ?? (source === "schedule" ? "" : source),
    count === 1 ? "" : String(count ?? "many"),
    task_id === null ? "" : shortId(task_id),
  ];
}
