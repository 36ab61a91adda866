// `chiron hooks list`: webhooks that serve, whether their secrets are there, and what came last.
import type { Command } from "commander";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { relative } from "./when.ts";
import { deliveriesOf, webhooksOf, type WireDelivery, type WireWebhook } from "./wire-webhook.ts";
import { withClient } from "./with-client.ts";

export function addHookListCommand(hooks: Command, deps: CommandDeps): void {
  withCommonOptions(hooks.command("list", { isDefault: true }))
    .description("list webhooks with their address, the state of their secrets and their last delivery")
    .addHelpText("after", "\nExamples:\n  $ chiron hooks\n  $ chiron hooks list --json | jq '.webhooks[].secrets'")
    .action(action<CommonOptions>(deps, list));
}

async function list(context: CommandContext, options: CommonOptions): Promise<void> {
  const { output, config } = context;
  await withClient(context, options, true, async (client) => {
    const hooks = await webhooksOf(client);
    const last = await Promise.all(
      hooks.map(async ({ slug }) => (await deliveriesOf(client, new URLSearchParams({ slug, limit: "1" })))[0] ?? null),
    );
    if (output.json) {
      const webhooks = hooks.map((hook, at) => ({ ...hook, last_delivery: last[at] }));
      return output.printJson({ ok: true, webhooks });
    }
    if (hooks.length === 0) return output.note("no workflow declares WEBHOOKS");
    const base = config.webhooks.publicUrl ?? client.url ?? "";
    output.table(
      ["SLUG", "WORKFLOW", "AUTH", "SECRET", "LAST DELIVERY", "ADDRESS"],
      hooks.map((hook, at) => rowOf(hook, last[at] ?? null, base, client.now())),
      (cell, row, column) =>
        column === 3 && hooks[row]!.secrets.some(({ state }) => state !== "set") ? output.style("red", cell) : cell,
    );
    if (config.webhooks.publicUrl === null)
      output.note('addresses are those of this machine; set "public_url" in [webhooks] for what senders need');
  });
}

function rowOf(hook: WireWebhook, last: WireDelivery | null, base: string, now: number): string[] {
  return [
    hook.slug,
    hook.workflow_name,
    hook.auth,
    hook.secrets.map(({ name, state }) => (state === "set" ? name : `${name} ${state}`)).join(", ") || "-",
    last === null ? "-" : `${last.outcome} ${relative(last.received_at, now)}`,
    base + hook.path,
  ];
}
