// `chiron runs tail`: a run's log from its beginning, then live with its state changes until it ends.
import type { Command } from "commander";
import { isTerminal } from "../core/states.ts";
import type { Client } from "./client.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { INTERRUPTED_EXIT, interruptible } from "./interrupt.ts";
import type { Output } from "./output.ts";
import { followRun, LogReader, type Follower } from "./run-follow.ts";
import { resolveRunId, shortId } from "./run-id.ts";
import { eventLine, logLine } from "./run-lines.ts";
import { document, getRun, type WireRun } from "./wire-run.ts";
import { withClient } from "./with-client.ts";

const EXAMPLES = `
Examples:
  $ chiron runs tail 3f2a91c07d5e
  $ chiron runs tail 3f2a91c07d5e --json | jq -c 'select(.event == "log")'
The exit code is 0 when the run completed and 3 when it failed or was cancelled.`;

export function addRunsTailCommand(runs: Command, deps: CommandDeps): void {
  withCommonOptions(runs.command("tail <id>"))
    .description("show a run's log and state changes until it ends")
    .addHelpText("after", EXAMPLES)
    .action(
      action<CommonOptions>(deps, (context, options, [id]) =>
        withClient(context, options, false, (client) => tail(context, client, id!)),
      ),
    );
}

async function tail({ output }: CommandContext, client: Client, text: string): Promise<number> {
  const id = await resolveRunId(client, text);
  const follower = followerOf(output, client);
  const run = await getRun(client, id);
  if (client.url === null && !isTerminal(run.value.status)) {
    await new LogReader(client, id, follower.log).read();
    output.note(`the run is ${run.value.status} and no server runs here: "chiron dev" will run it`);
    return 0;
  }
  const ended = await interruptible((signal) => followRun(client, id, signal, follower));
  if (!ended) return INTERRUPTED_EXIT;
  if (output.json) output.print(document({ event: "end" }, { run: ended.text }));
  else output.note(endLine(ended.value));
  return ended.value.status === "completed" ? 0 : 3;
}

function followerOf(output: Output, client: Client): Required<Follower> {
  return {
    log: (line) =>
      output.print(
        output.json
          ? document({ event: "log" }, Object.fromEntries(line.raw))
          : logLine(line.value, line.raw.get("fields")),
      ),
    event: (type, data) => {
      const line = output.json
        ? document({ event: type }, { data })
        : eventLine(type, JSON.parse(data) as Record<string, unknown>, client.now());
      if (line !== null) output.print(line);
    },
  };
}

function endLine({ run_id, status, failure }: WireRun): string {
  const reason = status === "failed" && failure ? ` (${failure.name})` : "";
  return `${shortId(run_id)} ${status}${reason}; all of it with: chiron runs show ${shortId(run_id)}`;
}
