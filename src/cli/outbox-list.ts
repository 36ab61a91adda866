// `chiron outbox list`: what runs reached outside, one line each.
import { Option, type Command } from "commander";
import { formatDuration } from "../core/duration.ts";
import { EFFECT_KINDS, EFFECT_STATES } from "../ports/store-effects.ts";
import {
  action,
  wholeNumber,
  withCommonOptions,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { messageLines, slackMessage } from "./outbox-message.ts";
import type { Output } from "./output.ts";
import { resolveRunId, shortId } from "./run-id.ts";
import { cutText } from "./value-text.ts";
import { relative } from "./when.ts";
import type { WireEffect } from "./wire-effect.ts";
import { withClient } from "./with-client.ts";

interface ListOptions extends CommonOptions {
  readonly run?: string;
  readonly kind?: string;
  readonly nature?: string;
  readonly state?: string;
  readonly limit: string;
  readonly before?: string;
}

const EXAMPLES = `
Examples:
  $ chiron outbox                                the newest messages, tool calls and agent turns
  $ chiron outbox --run 3f2a91c07d5e --kind slack
  $ chiron outbox --state failed --json | jq '.effects[].error'`;

const SAID_WIDTH = 60;
const HEADER = ["ID", "WHEN", "CALL", "FOR", "NATURE", "STATE", "TOOK", "WORKFLOW", ""];

export function addOutboxListCommand(outbox: Command, deps: CommandDeps): void {
  withCommonOptions(outbox.command("list", { isDefault: true }))
    .description("list what runs reached outside, newest first")
    .option("--run <id>", "only effects of this task or run")
    .addOption(new Option("--kind <kind>", "only this kind").choices(EFFECT_KINDS))
    .addOption(
      new Option("--nature <nature>", "only real, stubbed or recorded ones").choices(["real", "stubbed", "recorded"]),
    )
    .addOption(new Option("--state <state>", "only this state").choices(EFFECT_STATES))
    .option("--limit <n>", "how many", "20")
    .option("--before <id>", "only effects older than this; --json answers it as next_before")
    .addHelpText("after", EXAMPLES)
    .action(action<ListOptions>(deps, list));
}

async function list(context: CommandContext, options: ListOptions): Promise<void> {
  const { output } = context;
  const query = new URLSearchParams({ limit: String(wholeNumber(options.limit, "--limit", 1, 200)) });
  for (const name of ["kind", "nature", "state", "before"] as const) {
    const value = options[name];
    if (value !== undefined) query.set(name, value);
  }
  await withClient(context, options, false, async (client) => {
    if (options.run !== undefined) query.set("run_id", await resolveRunId(client, options.run));
    const text = await (await client.open(`/api/outbox?${query.toString()}`)).text();
    if (output.json) return output.print(text);
    const page = JSON.parse(text) as { effects: readonly WireEffect[]; next_before: string | null };
    if (page.effects.length === 0) return output.note("nothing in the outbox");
    printEffects(output, page.effects, client.now());
    if (page.next_before) output.note(`more with --before ${page.next_before}`);
  });
}

/** A table with one line an effect. */
export function printEffects(output: Output, effects: readonly WireEffect[], now: number): void {
  output.table(
    HEADER,
    effects.map((effect) => [
      shortId(effect.id),
      relative(effect.started_at, now),
      effect.call.replace(/^ctx\./, ""),
      effect.target ?? "",
      effect.nature,
      effect.state,
      effect.duration_ms === null ? "" : formatDuration(effect.duration_ms),
      effect.workflow_name,
      cutText(effect.error ?? saidIn(effect), SAID_WIDTH),
    ]),
    (cell, row, column) => paint(output, cell, effects[row]!, column),
  );
}

function paint(output: Output, cell: string, { nature, state }: WireEffect, column: number): string {
  if (column === HEADER.indexOf("NATURE")) return output.style(nature === "real" ? "magenta" : "dim", cell);
  if (column !== HEADER.indexOf("STATE")) return cell;
  return output.style(state === "failed" ? "red" : state === "done" ? "green" : "yellow", cell);
}

/** The first words of what was sent. */
function saidIn({ kind, request }: WireEffect): string {
  if (typeof request !== "object" || request === null) return "";
  const fields = request as Record<string, unknown>;
  if (typeof fields["state"] === "string") return fields["state"];
  if (kind === "slack") return messageLines(slackMessage(request) ?? {}).join(" ");
  const said = fields["text"] ?? fields["prompt"] ?? fields["args"];
  return said === undefined ? "" : typeof said === "string" ? said : JSON.stringify(said);
}
