// `chiron hooks samples`: deliveries as the senders make them, to look at and to begin fixtures with.
import type { Command } from "commander";
import { ChironError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { printFixture } from "../webhooks/fixture.ts";
import type { Provider, Sample } from "../webhooks/provider.ts";
import { isProviderName, PROVIDER_NAMES, providerNamed } from "../webhooks/providers.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";

interface SampleOptions extends CommonOptions {
  readonly fixture?: boolean;
}

const EXAMPLES = `
Examples:
  $ chiron hooks samples                            senders and the names of their samples
  $ chiron hooks samples github issues.opened       one sample's body
  $ chiron hooks samples stripe charge.succeeded --fixture > fixtures/charge.delivery.json`;

export function addHookSamplesCommand(hooks: Command, deps: CommandDeps): void {
  withCommonOptions(hooks.command("samples [sender] [name]"))
    .description("list or print sample deliveries of every known sender")
    .option("--fixture", "print it as a fixture file, with its headers")
    .addHelpText("after", EXAMPLES)
    .action(
      action<SampleOptions>(deps, async (context, options, [sender, name]) => show(context, options, sender, name)),
    );
}

function show({ output }: CommandContext, options: SampleOptions, sender?: string, name?: string): void {
  const providers = sender === undefined ? PROVIDER_NAMES.map(providerNamed) : [senderNamed(sender)];
  if (name === undefined && !options.fixture) {
    const all = providers.flatMap((one) => one.samples.map((sample) => ({ sender: one.name, ...sample })));
    if (output.json) return output.printJson({ ok: true, samples: all });
    const rows = all.map((one) => [
      one.sender,
      one.name,
      `${one.body.length} bytes`,
      one.headers["content-type"] ?? "",
    ]);
    return output.table(["SENDER", "SAMPLE", "SIZE", "CONTENT TYPE"], rows);
  }
  const sample = sampleNamed(providers[0]!, name);
  if (output.json) return output.printJson({ ok: true, sender: providers[0]!.name, sample });
  if (!options.fixture) return output.print(sample.body);
  const body = Buffer.from(sample.body);
  output.print(printFixture({ slug: null, method: "POST", query: "", headers: sample.headers, body }).trimEnd());
}

/** Throws not_found with the nearest names. */
export function senderNamed(name: string): Provider {
  if (isProviderName(name)) return providerNamed(name);
  const near = nearest(name, PROVIDER_NAMES);
  throw new ChironError("not_found", `there are no samples of ${name}`, {
    hint: near.length > 0 ? `Did you mean ${near.join(" or ")}?` : `There are ${PROVIDER_NAMES.join(", ")}.`,
  });
}

/** The first one when no name is given. Throws not_found. */
export function sampleNamed(provider: Provider, name: string | undefined): Sample {
  const found = name === undefined ? provider.samples[0] : provider.samples.find((one) => one.name === name);
  if (found) return found;
  throw new ChironError("not_found", `${provider.title} has no sample ${name ?? ""}`, {
    hint: `There are ${provider.samples.map((one) => one.name).join(", ")}.`,
  });
}
