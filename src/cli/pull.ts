// `chiron pull`: a run of another server, taken into this store.
import type { Command } from "commander";
import { ChironError } from "../core/errors.ts";
import { fetchBundle, sendBundle } from "./bundle-source.ts";
import { connect } from "./client.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { reportImported } from "./import.ts";
import { resolveRunId } from "./run-id.ts";
import { withClient } from "./with-client.ts";

const DEFAULT_KEY = "CHIRON_PULL_KEY";

const EXAMPLES = `
Examples:
  $ chiron pull 3f2a91c07d5e --from https://chiron.example.com --key-env PROD_KEY
  $ chiron runs show 3f2a91c07d5e
Secrets and personal data are replaced by stand-ins on that server, before they leave it, unless --full is given.`;

interface PullOptions extends CommonOptions {
  readonly from: string;
  readonly keyEnv: string;
  readonly full?: boolean;
}

export function addPullCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("pull <id>"))
    .description("take in a run of another server, to look at, compare and fork here")
    .requiredOption("--from <url>", "the server that has it")
    .option("--key-env <name>", "the variable with a key of that server", DEFAULT_KEY)
    .option("--full", "everything as it is, secrets and personal data included")
    .addHelpText("after", EXAMPLES)
    .action(action<PullOptions>(deps, (context, options, [id]) => pull(context, options, id!)));
}

async function pull(context: CommandContext, options: PullOptions, text: string): Promise<void> {
  const { wiring, config, output } = context;
  const from = addressOf(options.from);
  const key = config.env[options.keyEnv];
  if (key === undefined && options.keyEnv !== DEFAULT_KEY) {
    throw new ChironError("bad_request", `the variable ${options.keyEnv} is not set`, {
      hint: "It holds a key of the other server, of scope read.",
    });
  }
  // A key of this machine's own server is not for another one.
  const theirs = { ...config, envKeys: key === undefined ? [] : [key] };
  const remote = await connect(wiring, theirs, { url: from, local: { work: false, load: false } });
  const file = await fetchBundle(remote, await resolveRunId(remote, text), options.full ?? false).finally(() =>
    remote.close(),
  );
  reportImported(output, await withClient(context, options, false, (client) => sendBundle(client, file)));
}

function addressOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url && (url.protocol === "http:" || url.protocol === "https:")) return text;
  throw new ChironError("bad_request", `--from ${text} is not the address of a server`, {
    hint: "Such as https://chiron.example.com.",
  });
}
