// `chiron export`: one task with everything on record of it as one file, or as one page to read.
import path from "node:path";
import { Option, type Command } from "commander";
import type { BundleAbout } from "../replay/bundle.ts";
import { decodeBundle } from "../replay/bundle-file.ts";
import { bundlePage } from "../replay/bundle-page.ts";
import { fetchBundle } from "./bundle-source.ts";
import type { Client } from "./client.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { writeNewFile } from "./new-file.ts";
import { resolveRunId, shortId } from "./run-id.ts";
import { formatBytes } from "./value-text.ts";
import { withClient } from "./with-client.ts";

const EXAMPLES = `
Examples:
  $ chiron export 3f2a91c07d5e                       writes order-3f2a91c07d5e.chiron
  $ chiron export 3f2a91c07d5e -o failed.chiron --full
  $ chiron export 3f2a91c07d5e --html failed.html    one page with the time line
Secrets and personal data are replaced by stand-ins unless --full is given; names in free text may stay. Look before you send it.
The other side takes it in with "chiron import FILE".`;

interface ExportOptions extends CommonOptions {
  readonly output?: string;
  readonly html?: string;
  readonly full?: boolean;
  readonly force?: boolean;
}

export function addExportCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("export <id>"))
    .description("write a run with everything on record of it to one file, for another machine or a report")
    .option("-o, --output <file>", "the file to write (default: WORKFLOW-ID.chiron)")
    .option("--html <file>", "write one static page instead (or as well, with --output)")
    .addOption(new Option("--redact", "replace secrets and personal data by stand-ins (the default)").conflicts("full"))
    .option("--full", "everything as it is, secrets and personal data included")
    .option("--force", "replace the file when it is there")
    .addHelpText("after", EXAMPLES)
    .action(
      action<ExportOptions>(deps, (context, options, [id]) =>
        withClient(context, options, false, (client) => exportRun(context, client, options, id!)),
      ),
    );
}

async function exportRun(
  { output }: CommandContext,
  client: Client,
  options: ExportOptions,
  text: string,
): Promise<void> {
  const file = await fetchBundle(client, await resolveRunId(client, text), options.full ?? false);
  const bundle = await decodeBundle(file);
  const { about } = bundle;
  const written: { file: string; bytes: number }[] = [];
  const save = (name: string, content: string | Buffer): void => {
    writeNewFile(name, content, options.force ?? false);
    written.push({ file: path.resolve(name), bytes: Buffer.byteLength(content) });
  };
  if (options.output !== undefined || options.html === undefined) save(options.output ?? defaultName(about), file);
  if (options.html !== undefined) save(options.html, bundlePage(bundle));
  if (output.json) {
    const { taskId, redacted, replaced } = about;
    return output.printJson({ ok: true, task_id: taskId, files: written, redacted, replaced });
  }
  for (const one of written)
    output.print(`wrote ${path.relative(process.cwd(), one.file)} (${formatBytes(one.bytes)})`);
  output.note(
    about.redacted
      ? `secrets and personal data: stand-ins in ${about.replaced.length} values; names in free text may have stayed`
      : "everything is as it was: whoever gets the file gets its secrets and personal data",
  );
}

function defaultName({ workflowName, taskId }: BundleAbout): string {
  return `${workflowName.replaceAll(/[^\w-]+/g, "_").slice(0, 60)}-${shortId(taskId)}.chiron`;
}
