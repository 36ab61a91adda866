// `chiron hooks replay`: a kept delivery once more, with its bytes. On its own server it counts as verified; to any other it is signed anew.
import type { Command } from "commander";
import { ChironError } from "../core/errors.ts";
import { fixtureHeaders } from "../webhooks/fixture.ts";
import type { HookRequest } from "../webhooks/provider.ts";
import { secretRefsOf } from "../webhooks/auth.ts";
import type { Client } from "./client.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { printAnswers } from "./hook-answers.ts";
import { deliver, renewed, signFor, targetOf, withSecret } from "./hook-signer.ts";
import { shortId } from "./run-id.ts";
import { bodyOf, deliveryPath, findDelivery, findWebhook, type WireDelivery } from "./wire-webhook.ts";
import { withClient } from "./with-client.ts";

interface ReplayOptions extends CommonOptions {
  readonly to?: string;
  readonly newRun?: boolean;
  readonly secret?: string;
}

const EXAMPLES = `
Examples:
  $ chiron hooks replay last --new-run                  another run of the same delivery
  $ chiron hooks replay 4be1a0c21f33 --to http://localhost:7780 --url https://flows.example.com
                                                        a delivery of production, to the server on this machine
Without --new-run (or with --to, without a new id) a key that has started a run answers with that run.`;

export function addHookReplayCommand(hooks: Command, deps: CommandDeps): void {
  withCommonOptions(hooks.command("replay <id>"))
    .description("deliver a kept delivery again, with the bytes it came with")
    .option("--to <url>", "sign it for now and send it to this server")
    .option("--new-run", "start a run although its key has started one")
    .option("--secret <name>", "with --to: the variable with the secret that signs")
    .addHelpText("after", EXAMPLES)
    .action(action<ReplayOptions>(deps, (context, options, [id]) => replay(context, options, id!)));
}

async function replay(context: CommandContext, options: ReplayOptions, id: string): Promise<number> {
  const { output } = context;
  return withClient(context, options, true, async (client) => {
    const delivery = await findDelivery(client, id);
    if (options.to !== undefined) return elsewhere(context, options, client, delivery, options.to);
    const body = JSON.stringify(options.newRun ? { new_run: true } : {});
    const answer = await client.post(deliveryPath(delivery.delivery_id, "replay"), body);
    if (output.json) output.printJson(answer);
    else {
      const run = `${String(answer["workflow_name"])} ${shortId(String(answer["task_id"]))}`;
      output.print(answer["idempotent"] === true ? `had started ${run} before` : `started ${run}`);
      if (answer["idempotent"] === true) output.note("start another one with --new-run");
      if (client.url === null) output.note('no server runs here: "chiron dev" will run it');
    }
    return 0;
  });
}

async function elsewhere(
  { config, output }: CommandContext,
  options: ReplayOptions,
  client: Client,
  delivery: WireDelivery,
  to: string,
): Promise<number> {
  const hook = await findWebhook(client, delivery.slug);
  const auth = withSecret(hook.signing, options.secret);
  const body = await bodyOf(client, delivery.delivery_id);
  if (body.length !== delivery.body_size) {
    throw new ChironError("bad_request", `delivery ${delivery.delivery_id} is not kept whole`, {
      hint: "Of a rejected delivery only the beginning of its body is kept.",
    });
  }
  const url = new URL(targetOf(to, delivery.slug, secretRefsOf(auth).length === 0 ? "" : options.secret));
  url.search = new URL(delivery.url, url).search;
  const headers = fixtureHeaders(delivery.headers);
  const request: HookRequest = { method: delivery.method, url: url.href, headers, body };
  const fresh = options.newRun ? renewed(request, auth, hook) : request;
  const answer = await deliver({ ...client, local: null }, signFor(config, "auto", fresh, auth));
  return printAnswers(output, [answer], false);
}
