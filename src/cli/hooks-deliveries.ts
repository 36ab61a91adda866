// `chiron hooks deliveries`: what came to the webhooks, one line each.
import { Option, type Command } from "commander";
import {
  action,
  wholeNumber,
  withCommonOptions,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { resolveRunId, shortId } from "./run-id.ts";
import { cutText } from "./value-text.ts";
import { relative } from "./when.ts";
import type { WireDelivery } from "./wire-webhook.ts";
import { withClient } from "./with-client.ts";

interface ListOptions extends CommonOptions {
  readonly slug?: string;
  readonly outcome?: string;
  readonly run?: string;
  readonly limit: string;
  readonly before?: string;
}

const WHY_WIDTH = 70;

export function addHookDeliveriesCommand(hooks: Command, deps: CommandDeps): void {
  withCommonOptions(hooks.command("deliveries"))
    .description("list deliveries, newest first; rejected ones are known to the process that took them")
    .option("--slug <slug>", "only of this webhook")
    .addOption(
      new Option("--outcome <outcome>", "only these").choices(["accepted", "filtered", "handshake", "rejected"]),
    )
    .option("--run <id>", "only those of this task or run")
    .option("--limit <n>", "how many", "20")
    .option("--before <id>", "only older ones; --json answers it as next_before")
    .addHelpText("after", "\nExample:\n  $ chiron hooks deliveries --outcome rejected")
    .action(action<ListOptions>(deps, list));
}

async function list(context: CommandContext, options: ListOptions): Promise<void> {
  const { output } = context;
  const query = new URLSearchParams({ limit: String(wholeNumber(options.limit, "--limit", 1, 200)) });
  for (const name of ["slug", "outcome", "before"] as const) {
    const value = options[name];
    if (value !== undefined) query.set(name, value);
  }
  await withClient(context, options, true, async (client) => {
    if (options.run !== undefined) {
      const id = await resolveRunId(client, options.run);
      const { run } = (await client.get(`/api/workflows/runs/${id}`)) as { run: { task_id: string } };
      query.set("task_id", run.task_id);
    }
    const answer = await client.get(`/api/workflows/deliveries?${query.toString()}`);
    if (output.json) return output.printJson(answer);
    const { deliveries, next_before } = answer as unknown as Page;
    if (deliveries.length === 0) return output.note("no deliveries");
    const now = client.now();
    output.table(
      ["ID", "WHEN", "SLUG", "OUTCOME", "STATUS", "RUN", "WHY"],
      deliveries.map((one) => rowOf(one, now)),
      (cell, row, column) =>
        column === 3 && deliveries[row]!.outcome === "rejected" ? output.style("red", cell) : cell,
    );
    if (next_before) output.note(`more with --before ${next_before}`);
  });
}

interface Page {
  readonly deliveries: readonly WireDelivery[];
  readonly next_before: string | null;
}

function rowOf(one: WireDelivery, now: number): string[] {
  return [
    shortId(one.delivery_id),
    relative(one.received_at, now),
    one.slug,
    one.outcome,
    String(one.status),
    one.task_id === null ? "-" : shortId(one.task_id),
    cutText(whyOf(one), WHY_WIDTH),
  ];
}

function whyOf({ outcome, checks, same_body: sameBody }: WireDelivery): string {
  if (outcome === "duplicate") return sameBody ? "" : "its key came before with other bytes";
  return outcome === "accepted" ? "" : (checks.at(-1)?.detail ?? "");
}
