// `chiron reload`: makes the server look at the workflow folders now.
import type { Command } from "commander";
import { formatDuration } from "../core/duration.ts";
import { ChironError } from "../core/errors.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import type { WireCatalog } from "./wire-catalog.ts";
import { withClient } from "./with-client.ts";
import { printProblems } from "./workflows.ts";

export function addReloadCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("reload"))
    .description("make the server load the workflow folders now; exit code 3 when files do not load")
    .addHelpText("after", "\nExample:\n  $ git pull && chiron reload")
    .action(action<CommonOptions>(deps, reload));
}

async function reload(context: CommandContext, options: CommonOptions): Promise<number> {
  const { output, config } = context;
  return withClient(context, options, false, async (client) => {
    if (client.url === null) {
      throw new ChironError("unavailable", "no server runs here, so there is nothing to reload", {
        hint: 'Start one with "chiron dev"; to look at the files without one use "chiron check".',
      });
    }
    const catalog = (await client.post("/api/workflows/reload")) as unknown as WireCatalog;
    const errors = catalog.problems.filter((problem) => problem.severity === "error").length;
    if (output.json) output.printJson(catalog);
    else {
      output.print(`${catalog.workflows.length} workflows, loaded in ${formatDuration(catalog.load_ms)}`);
      printProblems(output, catalog.problems, config.root);
    }
    return errors > 0 ? 3 : 0;
  });
}
