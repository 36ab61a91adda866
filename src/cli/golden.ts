// `chiron golden add`: a run that is as it should be becomes a scenario file, which `chiron test` holds later code against.
import path from "node:path";
import type { Command } from "commander";
import { decodeBundle } from "../replay/bundle-file.ts";
import { goldenScenario } from "../scenarios/golden.ts";
import { fetchBundle } from "./bundle-source.ts";
import type { Client } from "./client.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { writeNewFile } from "./new-file.ts";
import { resolveRunId, shortId } from "./run-id.ts";
import { runPath } from "./wire-run.ts";
import { withClient } from "./with-client.ts";

const EXAMPLES = `
Examples:
  $ chiron golden add 3f2a91c07d5e              writes golden/order-3f2a91c07d5e.scenario.yaml
  $ chiron golden add 3f2a91c07d5e -o tests/empty-order.scenario.yaml --name "an order without items"
  $ chiron test golden
Recorded steps and tools are answered as they were; their bodies are not run. Secrets and personal data are stand-ins unless --full is given.`;

interface GoldenOptions extends CommonOptions {
  readonly output?: string;
  readonly name?: string;
  readonly full?: boolean;
  readonly force?: boolean;
}

export function addGoldenCommands(program: Command, deps: CommandDeps): void {
  const golden = program
    .command("golden")
    .description("runs that later code is held against")
    .addHelpText("after", "\nExample:\n  $ chiron golden add 3f2a91c07d5e");
  withCommonOptions(golden.command("add <id>"))
    .description("make a scenario file of a run: its input, its steps' results as stubs, its end as the expectation")
    .option("-o, --output <file>", "the file to write (default: golden/WORKFLOW-ID.scenario.yaml)")
    .option("--name <text>", "the scenario's name")
    .option("--full", "everything as it is, secrets and personal data included")
    .option("--force", "replace the file when it is there")
    .addHelpText("after", EXAMPLES)
    .action(
      action<GoldenOptions>(deps, (context, options, [id]) =>
        withClient(context, options, false, (client) => add(context, client, options, id!)),
      ),
    );
}

async function add(
  { output, config }: CommandContext,
  client: Client,
  options: GoldenOptions,
  text: string,
): Promise<void> {
  const id = await resolveRunId(client, text);
  const bundle = await decodeBundle(await fetchBundle(client, id, options.full ?? false));
  const { children } = await client.get(`${runPath(id, "children")}?limit=1`);
  const startedOthers = (children as readonly unknown[]).length > 0;
  const { workflowName, taskId } = bundle.about;
  const plain = workflowName.replaceAll(/[^\w-]+/g, "_").slice(0, 60);
  const name = options.output ?? path.join(config.root, "golden", `${plain}-${shortId(taskId)}.scenario.yaml`);
  writeNewFile(name, goldenScenario(bundle, { name: options.name, startedOthers }), options.force ?? false);
  if (output.json) return output.printJson({ ok: true, task_id: taskId, file: path.resolve(name) });
  output.print(`wrote ${path.relative(process.cwd(), name)}`);
  if (bundle.parts.task[0]!.state === "failed") {
    output.note("The step that failed is not recorded: its body runs in the test.");
  }
  output.note(`Try it: chiron test ${path.relative(process.cwd(), name)}`);
}
