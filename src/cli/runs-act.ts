// `chiron runs cancel` and `chiron runs retry`: one after the other for every id; one that is refused does not stop the rest.
import type { Command } from "commander";
import { ChironError, errorInfo, messageOf } from "../core/errors.ts";
import type { Client } from "./client.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { resolveRunId, shortId } from "./run-id.ts";
import { failedRuns, retryRuns, type RetryManyOptions } from "./runs-retry.ts";
import { getRun, runPath, type WireRun } from "./wire-run.ts";
import { withClient } from "./with-client.ts";

interface RetryOptions extends CommonOptions, RetryManyOptions {
  readonly newest?: boolean;
}

const RETRY_EXAMPLES = `
Examples:
  $ chiron runs retry 3f2a91c07d5e
  $ chiron runs retry --failed --workflow order --dry-run
  $ chiron runs retry --failed --workflow order`;

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
  withCommonOptions(runs.command("retry [ids...]"))
    .description("give failed runs one more attempt; finished steps are not repeated")
    .option("--newest", "on the newest code, also where runs go on with the code they began on")
    .option("--failed", "instead of ids: the failed runs, on the newest code; those it would lead astray are left")
    .option("--workflow <name>", "with --failed: only runs of this workflow")
    .option("--last <n>", "with --failed: the newest so many (default 100)")
    .option("--dry-run", "only say what would become of each")
    .addHelpText("after", RETRY_EXAMPLES)
    .action(action<RetryOptions>(deps, retry));
}

function retry(context: CommandContext, options: RetryOptions, ids: readonly string[]): Promise<number> {
  const { failed = false, dryRun = false, workflow, last } = options;
  if (failed && ids.length > 0) {
    throw new ChironError("bad_request", "ids and --failed were both given", { hint: "Give one of them." });
  }
  if (!failed && ids.length === 0) {
    throw new ChironError("bad_request", "no run was given", { hint: "Give ids, or --failed." });
  }
  if (!failed && (workflow !== undefined || last !== undefined)) {
    throw new ChironError("bad_request", "--workflow and --last choose among failed runs", { hint: "Add --failed." });
  }
  if (!failed && !dryRun) {
    return actOnAll(context, options, ids, options.newest ? { ...RETRY, query: "?code=newest" } : RETRY);
  }
  return withClient(context, options, true, async (client) => {
    const runs = failed ? await failedRuns(client, options) : await namedRuns(client, ids);
    return retryRuns(context, client, runs, options);
  });
}

async function namedRuns(client: Client, ids: readonly string[]): Promise<WireRun[]> {
  const runs: WireRun[] = [];
  for (const id of ids) runs.push((await getRun(client, await resolveRunId(client, id))).value);
  return runs;
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
