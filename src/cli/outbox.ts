// `chiron outbox`: the group of commands about what runs reach outside.
import type { Command } from "commander";
import type { CommandDeps } from "./command.ts";
import { addOutboxClickCommand } from "./outbox-click.ts";
import { addOutboxListCommand } from "./outbox-list.ts";
import { addOutboxShowCommand } from "./outbox-show.ts";

const EXAMPLES = `
Examples:
  $ chiron outbox                         the newest messages, tool calls and agent turns of runs
  $ chiron outbox show 9f31c2             one of them in full
  $ chiron outbox click 9f31c2 approve    try a button of a message`;

export function addOutboxCommands(program: Command, deps: CommandDeps): void {
  const outbox = program
    .command("outbox")
    .description("look at what runs sent outside: Slack messages, tool calls, agent turns")
    .addHelpText("after", EXAMPLES);
  for (const add of [addOutboxListCommand, addOutboxShowCommand, addOutboxClickCommand]) add(outbox, deps);
}
