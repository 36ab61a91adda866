// `chiron schedules`: what is scheduled, when it fires, and a person's hand on it.
import type { Command } from "commander";
import { addScheduleActions } from "./schedules-act.ts";
import type { CommandDeps } from "./command.ts";
import { addSchedulesListCommand } from "./schedules-list.ts";
import { addSchedulesNextCommand } from "./schedules-next.ts";
import { addSchedulesRehearseCommand } from "./schedules-rehearse.ts";
import { addSchedulesShowCommand } from "./schedules-show.ts";

export function addSchedulesCommands(program: Command, deps: CommandDeps): void {
  const schedules = program
    .command("schedules")
    .description("list, foresee, fire, pause, resume and backfill schedules")
    .addHelpText(
      "after",
      "\nExamples:\n  $ chiron schedules list\n  $ chiron schedules next --count 20\n  $ chiron schedules rehearse --from 2026-03-07 --to 2026-03-10",
    );
  addSchedulesListCommand(schedules, deps);
  addSchedulesShowCommand(schedules, deps);
  addSchedulesNextCommand(schedules, deps);
  addScheduleActions(schedules, deps);
  addSchedulesRehearseCommand(schedules, deps);
}
