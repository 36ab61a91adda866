// `chiron import`: a bundle as a record in this store. It is looked at, compared, forked and replayed; it never runs by itself.
import fs from "node:fs";
import type { Command } from "commander";
import { ChironError, messageOf } from "../core/errors.ts";
import { LARGEST_BUNDLE } from "../replay/bundle.ts";
import { sendBundle, type WireImported } from "./bundle-source.ts";
import { action, withCommonOptions, type CommandDeps, type CommonOptions } from "./command.ts";
import { printable, type Output } from "./output.ts";
import { withClient } from "./with-client.ts";

const EXAMPLES = `
Examples:
  $ chiron import failed.chiron
  $ chiron runs show 3f2a91c07d5e
A task that was unfinished where it came from is ended here as cancelled. Nothing of the file is run.`;

export function addImportCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("import <file>"))
    .description('take in a file of "chiron export": a run of another machine, to look at, compare and fork')
    .addHelpText("after", EXAMPLES)
    .action(
      action<CommonOptions>(deps, async (context, options, [name]) => {
        const file = readBundle(name!);
        const imported = await withClient(context, options, false, (client) => sendBundle(client, file));
        reportImported(context.output, imported);
      }),
    );
}

export function reportImported(output: Output, imported: WireImported): void {
  if (output.json) return output.printJson(imported);
  const { task_id, workflow_name, status, original_status, redacted } = imported;
  const was = status === original_status ? status : `${original_status} there, ${status} here`;
  output.print(`imported ${printable(workflow_name)} ${task_id} (${was}${redacted ? ", with stand-ins" : ""})`);
  output.note(`See "chiron runs show ${task_id}".`);
}

function readBundle(name: string): Buffer {
  try {
    const { size } = fs.statSync(name);
    if (size > LARGEST_BUNDLE) {
      throw new ChironError("too_large", `${name} has ${size} bytes; a bundle has at most ${LARGEST_BUNDLE}`);
    }
    return fs.readFileSync(name);
  } catch (error) {
    if (error instanceof ChironError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new ChironError("not_found", `there is no file ${name}`);
    throw new ChironError("bad_request", `${name} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
