// `chiron hooks`: webhooks from the sender's side and from the owner's.
import type { Command } from "commander";
import type { CommandDeps } from "./command.ts";
import { addHookDeliveriesCommand } from "./hooks-deliveries.ts";
import { addHookExplainCommand } from "./hooks-explain.ts";
import { addHookLintCommand } from "./hooks-lint.ts";
import { addHookListCommand } from "./hooks-list.ts";
import { addHookRecordCommand } from "./hooks-record.ts";
import { addHookReplayCommand } from "./hooks-replay.ts";
import { addHookSamplesCommand } from "./hooks-samples.ts";
import { addHookSendCommand } from "./hooks-send.ts";
import { addHookSignCommands } from "./hooks-sign.ts";

const EXAMPLES = `
Examples:
  $ chiron hooks list                                     slugs, secrets, the last delivery of each
  $ chiron hooks send github-triage --sample push         a signed delivery, as GitHub would send it
  $ chiron hooks send github-triage --sign tampered       one that must be refused
  $ chiron hooks explain last                             why the last one started a run, or why not`;

export function addHooksCommands(program: Command, deps: CommandDeps): void {
  const hooks = program
    .command("hooks")
    .description("send, record, replay and explain webhook deliveries")
    .addHelpText("after", EXAMPLES);
  for (const add of [
    addHookListCommand,
    addHookSendCommand,
    addHookSamplesCommand,
    addHookDeliveriesCommand,
    addHookExplainCommand,
    addHookReplayCommand,
    addHookRecordCommand,
    addHookSignCommands,
    addHookLintCommand,
  ]) {
    add(hooks, deps);
  }
}
