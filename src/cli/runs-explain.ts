// `chiron runs explain`: why a run does not go on, what nearly woke it, or why it ended as it did, and what can be done.
import type { Command } from "commander";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import type { Client } from "./client.ts";
import { printable } from "./output.ts";
import { resolveRunId, shortId } from "./run-id.ts";
import { runPath } from "./wire-run.ts";
import { withClient } from "./with-client.ts";

const EXAMPLES = `
Examples:
  $ chiron runs explain 3f2a91c07d5e
  $ chiron runs explain 3f2a91c07d5e --json | jq -r '.findings[].kind'`;

interface WireExplanation {
  readonly task_id: string;
  readonly workflow_name: string;
  readonly status: string;
  readonly findings: readonly { readonly kind: string; readonly message: string; readonly hint: string | null }[];
  readonly next: readonly { readonly command: string; readonly effect: string }[];
}

export function addRunsExplainCommand(runs: Command, deps: CommandDeps): void {
  withCommonOptions(runs.command("explain <id>"))
    .description("say what a run waits for, what nearly woke it, or why it ended, and what can be done")
    .addHelpText("after", EXAMPLES)
    .action(
      action<CommonOptions>(deps, (context, options, [id]) =>
        // The folders matter: a workflow that does not load is a reason.
        withClient(context, options, true, (client) => explain(context, client, id!)),
      ),
    );
}

async function explain({ output }: CommandContext, client: Client, text: string): Promise<void> {
  const id = await resolveRunId(client, text);
  const found = (await client.get(runPath(id, "explain"))) as unknown as WireExplanation;
  if (output.json) return output.printJson(found);
  output.print(`${output.style("bold", printable(found.workflow_name))} ${shortId(found.task_id)}  ${found.status}`);
  for (const { kind, message, hint } of found.findings) {
    const mark = kind === "near_event" ? output.style("yellow", "?") : "·";
    output.print(`${mark} ${printable(message)}`);
    if (hint !== null) output.print(output.style("dim", `    ${printable(hint)}`));
  }
  if (found.next.length === 0) return;
  output.print("");
  for (const { command, effect } of found.next) {
    output.print(`  $ ${printable(command)}`);
    output.print(output.style("dim", `      ${printable(effect)}`));
  }
}
