// `chiron outbox click`: a click on a button of a message that stayed in the outbox, without Slack.
import type { Command } from "commander";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { shortId } from "./run-id.ts";
import { effectPath, resolveEffectId } from "./wire-effect.ts";
import { withClient } from "./with-client.ts";

interface ClickOptions extends CommonOptions {
  readonly user?: string;
}

const EXAMPLES = `
Example:
  $ chiron outbox click 9f31c2 approve --user ada`;

export function addOutboxClickCommand(outbox: Command, deps: CommandDeps): void {
  withCommonOptions(outbox.command("click <id> <action>"))
    .description("click on a button of a message in the outbox (dev only)")
    .option("--user <name>", "who is to have clicked: a name or a Slack user id")
    .addHelpText("after", EXAMPLES)
    .action(action<ClickOptions>(deps, click));
}

async function click(context: CommandContext, options: ClickOptions, [text, name]: readonly string[]): Promise<void> {
  const { output } = context;
  await withClient(context, options, true, async (client) => {
    const id = await resolveEffectId(client, text!);
    const body = JSON.stringify({ action: name, ...(options.user ? { user: options.user } : {}) });
    const answer = await client.post(effectPath(id, "click"), body);
    if (output.json) return output.printJson(answer);
    const run = shortId(String(answer["run_id"]));
    output.print(`clicked ${name}: run ${run} is queued`);
    output.note(
      client.url === null ? 'no server runs here: "chiron dev" will run it' : `follow it with: chiron runs tail ${run}`,
    );
  });
}
