// `chiron schedules list`: one line each.
import type { Command } from "commander";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { relative } from "./when.ts";
import { idleReason, whenText, type WireOccurrence, type WireScheduleState } from "./wire-schedule.ts";
import { withClient } from "./with-client.ts";
import { zonedTime } from "./zoned-time.ts";

const EXAMPLES = `
Examples:
  $ chiron schedules list
  $ chiron schedules list --json | jq -r '.schedules[] | select(.paused) | .schedule_id'`;

export function addSchedulesListCommand(schedules: Command, deps: CommandDeps): void {
  withCommonOptions(schedules.command("list"))
    .description("list schedules: when each fires next, in its own zone, and what became of its last occurrence")
    .addHelpText("after", EXAMPLES)
    .action(action<CommonOptions>(deps, list));
}

async function list(context: CommandContext, options: CommonOptions): Promise<void> {
  const { output } = context;
  await withClient(context, options, true, async (client) => {
    const text = await (await client.open("/api/workflows/schedules")).text();
    if (output.json) return output.print(text);
    const answer = JSON.parse(text) as { now: string; schedules: readonly WireScheduleState[] };
    if (answer.schedules.length === 0) return output.note("no schedules");
    const now = Date.parse(answer.now);
    output.table(
      ["SCHEDULE", "WORKFLOW", "WHEN", "NEXT", "LAST"],
      answer.schedules.map((schedule) => [
        schedule.schedule_id,
        schedule.workflow_name,
        whenText(schedule),
        nextText(schedule, now),
        schedule.last === null ? "" : lastText(schedule.last, now),
      ]),
    );
    if (answer.schedules.some(({ state }) => state === "undeclared"))
      output.note('some have not begun: no engine that runs schedules has taken them up ("chiron dev" does)');
  });
}

function nextText(schedule: WireScheduleState, now: number): string {
  const idle = idleReason(schedule);
  if (idle !== null) return idle;
  if (schedule.next_at === null) return schedule.state === "undeclared" ? "not begun" : "never";
  const at = Date.parse(schedule.next_at);
  return `${zonedTime(at, schedule.timezone)} (${relative(at, now)})`;
}

/** "fired 5m ago", "skipped 3 2h ago (paused)". */
export function lastText({ outcome, count, reason, to, source }: WireOccurrence, now: number): string {
  const many = count === 1 ? "" : ` ${count ?? "many"}`;
  const why = reason ?? (source === "schedule" ? null : source);
  return `${outcome}${many} ${relative(to, now)}${why === null ? "" : ` (${why.replaceAll("_", " ")})`}`;
}
