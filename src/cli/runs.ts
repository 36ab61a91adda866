// `chiron runs`: the group of commands about runs.
import type { Command } from "commander";
import type { CommandDeps } from "./command.ts";
import { addRunsCancelCommand, addRunsRetryCommand } from "./runs-act.ts";
import { addRunsExplainCommand } from "./runs-explain.ts";
import { addRunsListCommand } from "./runs-list.ts";
import { addRunsShowCommand } from "./runs-show.ts";
import { addRunsTailCommand } from "./runs-tail.ts";

const EXAMPLES = `
Examples:
  $ chiron runs list --status failed
  $ chiron runs show 3f2a91c07d5e       an id's last characters are enough`;

export function addRunsCommands(program: Command, deps: CommandDeps): void {
  const runs = program.command("runs").description("look at runs and act on them").addHelpText("after", EXAMPLES);
  for (const add of [
    addRunsListCommand,
    addRunsShowCommand,
    addRunsExplainCommand,
    addRunsTailCommand,
    addRunsCancelCommand,
    addRunsRetryCommand,
  ]) {
    add(runs, deps);
  }
}
