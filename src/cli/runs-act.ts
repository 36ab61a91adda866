// `chiron runs cancel` and `chiron runs retry`: one after the other for every id; one that is refused does not stop the rest.
import type { Command } from "commander";
import { ChironError, errorInfo, messageOf } from "../core/errors.ts";
import type { Client } from "./client.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { resolveRunId, shortId } from "./run-id.ts";
import { runPath } from "./wire-run.ts";
import { withClient } from "./with-client.ts";

interface RetryOptions extends CommonOptions {
  readonly newest?: boolean;
}

type Answer = Record<string, unknown>;

interface Act {
  readonly part: "cancel" | "retry";
  readonly query?: string;
  /** What happened, for a person. */
  readonly say: (answer: Answer, client: Client) => string;
}

const CANCEL: Act = {
  part: "cancel",
  say: ({ changed, status }) => (changed ? "cancelled" : `had ended before: ${String(status)}`),
};

const RETRY: Act = {
  part: "retry",
  say: ({ attempt, run_id }, { url }) =>
    `gets attempt ${String(attempt)} as run ${String(run_id)}${url === null ? '; no server runs here: "chiron dev" will run it' : ""}`,
};

export function addRunsCancelCommand(runs: Command, deps: CommandDeps): void {
  withCommonOptions(runs.command("cancel <ids...>"))
    .description("cancel runs; a finished one stays as it is")
    .addHelpText("after", "\nExample:\n  $ chiron runs cancel 3f2a91c07d5e")
    .action(action<CommonOptions>(deps, (context, options, ids) => actOnAll(context, options, ids, CANCEL)));
}

export function addRunsRetryCommand(runs: Command, deps: CommandDeps): void {
  withCommonOptions(runs.command("retry <ids...>"))
    .description("give failed runs one more attempt; finished steps are not repeated")
    .option("--newest", "on the newest code, also where runs go on with the code they began on")
    .addHelpText("after", "\nExample:\n  $ chiron runs retry 3f2a91c07d5e")
    .action(
      action<RetryOptions>(deps, (context, options, ids) =>
        actOnAll(context, options, ids, options.newest ? { ...RETRY, query: "?code=newest" } : RETRY),
      ),
    );
}

/** The exit code is that of the first refusal. */
async function actOnAll(
  context: CommandContext,
  options: CommonOptions,
  ids: readonly string[],
  act: Act,
): Promise<number> {
  const { output } = context;
  return withClient(context, options, act.part === "retry", async (client) => {
    const results: Answer[] = [];
    let exit = 0;
    for (const id of ids) {
      try {
        const answer = await client.post(runPath(await resolveRunId(client, id), act.part) + (act.query ?? ""));
        results.push({ id, ...answer });
        if (!output.json) output.print(`${shortId(id)} ${act.say(answer, client)}`);
      } catch (error) {
        const code = error instanceof ChironError ? error.code : "internal";
        exit ||= errorInfo(code).exit;
        results.push({ id, ok: false, error: messageOf(error), code });
        if (!output.json) output.fail(error);
      }
    }
    if (output.json) output.printJson({ ok: exit === 0, results });
    return exit;
  });
}
