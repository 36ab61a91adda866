// `chiron version`: what is installed here.
import type { Command } from "commander";
import { action, withCommonOptions, type CommandDeps, type CommonOptions } from "./command.ts";

export function addVersionCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("version"))
    .description("print the version")
    .addHelpText("after", "\nExample:\n  $ chiron version --json")
    .action(
      action<CommonOptions>(deps, async ({ output, wiring }) => {
        const node = process.versions.node;
        if (output.json) output.printJson({ ok: true, version: wiring.version, node, platform: process.platform });
        else output.print(wiring.version);
      }),
    );
}
