// `chiron hooks explain`: what became of a delivery and why, check by check, with what would have made it right.
import type { Command } from "commander";
import type { Client } from "./client.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { printable, type Output } from "./output.ts";
import { shortId } from "./run-id.ts";
import { moment } from "./when.ts";
import { deliveriesOf, findDelivery, type WireDelivery } from "./wire-webhook.ts";
import { withClient } from "./with-client.ts";

interface ExplainOptions extends CommonOptions {
  readonly slug?: string;
}

const EXAMPLES = `
Examples:
  $ chiron hooks explain last
  $ chiron hooks explain last --slug github-triage
  $ chiron hooks explain 4be1a0c21f33          an id, or the end of one (X-Chiron-Delivery of the answer)`;

/** Deliveries of one task that are looked through for the first. */
const SEARCHED = 200;

export function addHookExplainCommand(hooks: Command, deps: CommandDeps): void {
  withCommonOptions(hooks.command("explain <id>"))
    .description("tell why a delivery started a run, or was rejected, filtered or taken for a repetition")
    .option("--slug <slug>", 'with "last": the last one of this webhook')
    .addHelpText("after", EXAMPLES)
    .action(action<ExplainOptions>(deps, (context, options, [id]) => explain(context, options, id!)));
}

async function explain(context: CommandContext, options: ExplainOptions, id: string): Promise<void> {
  const { output } = context;
  await withClient(context, options, true, async (client) => {
    const delivery = await findDelivery(client, id, options.slug);
    const first = delivery.outcome === "duplicate" ? await firstOf(client, delivery) : null;
    const verdict = verdictOf(delivery, first);
    if (output.json) {
      const { near_misses: misses = [] } = delivery;
      return output.printJson({ ok: true, delivery, verdict, near_misses: misses, first: first?.delivery_id ?? null });
    }
    print(output, delivery, verdict, client.now());
  });
}

/** The delivery that started the task; null when it is no longer kept. */
async function firstOf(client: Client, { task_id: task }: WireDelivery): Promise<WireDelivery | null> {
  const query = new URLSearchParams({ task_id: task ?? "", limit: String(SEARCHED) });
  return (await deliveriesOf(client, query)).find(({ outcome }) => outcome === "accepted") ?? null;
}

function verdictOf(delivery: WireDelivery, first: WireDelivery | null): string {
  const { outcome, key, task_id: task, same_body: sameBody, checks } = delivery;
  const last = checks.at(-1);
  switch (outcome) {
    case "accepted":
      return `It started run ${shortId(task!)} under the key ${key}.`;
    case "duplicate": {
      const by = first === null ? "a delivery that is no longer kept" : `delivery ${shortId(first.delivery_id)}`;
      const bytes = sameBody
        ? "with the same bytes: the sender repeated itself"
        : "with other bytes: two deliveries share one key, and the second was not looked at";
      return `Its key ${key} had started run ${shortId(task!)} before, by ${by}, ${bytes}.`;
    }
    case "filtered":
      return `The webhook's filter does not want it: ${last?.detail}.`;
    case "handshake":
      return `It was the sender's ${last?.detail} and was answered as such; no run belongs to it.`;
    case "rejected":
      return `It was refused with ${delivery.status} at the check ${last?.check}: ${last?.detail}.`;
  }
}

function print(output: Output, delivery: WireDelivery, verdict: string, now: number): void {
  output.print(output.style("bold", delivery.delivery_id));
  output.print(
    `${delivery.method} ${printable(delivery.url)}, ${delivery.body_size} bytes, ${moment(delivery.received_at, now)}`,
  );
  output.print("");
  for (const { check, ok, detail } of delivery.checks) {
    const mark = ok ? output.style("green", "ok  ") : output.style("red", "no  ");
    output.print(`  ${mark} ${check.padEnd(12)} ${printable(detail)}`);
  }
  output.print("");
  output.print(printable(verdict));
  const { near_misses: misses = [] } = delivery;
  for (const miss of misses) output.print(output.style("yellow", `Near miss: ${printable(miss)}.`));
  if (delivery.outcome === "rejected" && delivery.checks.at(-1)?.check === "signature" && misses.length === 0)
    output.note(
      "nothing known would have made its signature fit: another secret, or a body that was changed on the way",
    );
  if (delivery.outcome === "duplicate")
    output.note(`start another run with: chiron hooks replay ${shortId(delivery.delivery_id)} --new-run`);
}
