// `chiron outbox show`: one call to the outside with everything that was sent and came back; a Slack message as it would look.
import type { Command } from "commander";
import { formatDuration } from "../core/duration.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { messageLines, slackMessage } from "./outbox-message.ts";
import { printable, type Output } from "./output.ts";
import { shortId } from "./run-id.ts";
import { moment } from "./when.ts";
import { effectPath, resolveEffectId, type WireEffect } from "./wire-effect.ts";
import { withClient } from "./with-client.ts";

const EXAMPLES = `
Examples:
  $ chiron outbox show 9f31c2
  $ chiron outbox show 9f31c2 --json | jq .effect.request
The last characters of an id are enough.`;

export function addOutboxShowCommand(outbox: Command, deps: CommandDeps): void {
  withCommonOptions(outbox.command("show <id>"))
    .description("show one call: what was sent and what came back")
    .addHelpText("after", EXAMPLES)
    .action(action<CommonOptions>(deps, (context, options, [id]) => show(context, options, id!)));
}

async function show(context: CommandContext, options: CommonOptions, text: string): Promise<void> {
  const { output } = context;
  await withClient(context, options, false, async (client) => {
    const id = await resolveEffectId(client, text);
    const answer = await (await client.open(effectPath(id))).text();
    if (output.json) return output.print(answer);
    printEffect(output, (JSON.parse(answer) as { effect: WireEffect }).effect, client.now());
  });
}

function printEffect(output: Output, effect: WireEffect, now: number): void {
  const { state, nature, by, request, answer, error, progress } = effect;
  const field = (name: string, value: string | null): void => {
    if (value !== null) output.print(`${output.style("dim", name.padEnd(9))} ${printable(value)}`);
  };
  const name = printable(`${effect.call.replace(/^ctx\./, "")}${effect.target === null ? "" : ` ${effect.target}`}`);
  const colour = state === "failed" ? "red" : state === "done" ? "green" : "yellow";
  const how = output.style("dim", printable(`${nature}, answered by ${by}`));
  output.print(`${output.style("bold", name)}  ${output.style(colour, state)}  ${how}`);
  field("id", effect.id);
  field("workflow", effect.workflow_name);
  field("run", effect.run_id);
  field("task", effect.task_id);
  field("ordinal", effect.ordinal);
  field("key", effect.key);
  const took = effect.duration_ms === null ? "" : `, took ${formatDuration(effect.duration_ms)}`;
  field("started", `${moment(effect.started_at, now)}${took}`);
  field("error", error);
  const message = effect.kind === "slack" && effect.call !== "ctx.slack_button" ? slackMessage(request) : null;
  if (message === null) printValue(output, "Request", request);
  else printMessage(output, effect, message);
  if (progress && progress.length > 0) {
    output.print(`\n${output.style("bold", "Said meanwhile")}`);
    for (const line of progress) output.print(`  ${printable(line)}`);
  }
  printValue(output, "Answer", answer);
}

function printMessage(output: Output, { id }: WireEffect, message: Readonly<Record<string, unknown>>): void {
  const thread = typeof message["thread_ts"] === "string" ? `, in thread ${message["thread_ts"]}` : "";
  const changed = typeof message["ts"] === "string" ? `, changes ${message["ts"]}` : "";
  output.print(`\n${output.style("bold", printable(`${String(message["channel"])}${thread}${changed}`))}`);
  for (const line of messageLines(message)) output.print(`  ${output.style("cyan", "│")} ${line}`);
  if (message["buttons"] !== undefined) output.note(`\ntry a button with: chiron outbox click ${shortId(id)} ACTION`);
}

function printValue(output: Output, title: string, value: unknown): void {
  if (value === null || value === undefined) return;
  output.print(`\n${output.style("bold", title)}`);
  for (const line of JSON.stringify(value, null, 2).split("\n")) output.print(`  ${printable(line)}`);
}
