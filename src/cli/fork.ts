// `chiron fork`: a new run that keeps what another one recorded before a step and goes on from there, on the code of now.
import { Option, type Command } from "commander";
import { FORK_EFFECTS } from "../core/fork-ref.ts";
import type { JsonText } from "../core/json-text.ts";
import {
  action,
  wholeNumber,
  withCommonOptions,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { readJsonOption } from "./json-option.ts";
import { printable } from "./output.ts";
import { printReplay, type WireReplay } from "./replay-page.ts";
import { resolveRunId, shortId } from "./run-id.ts";
import { stepValues } from "./step-values.ts";
import { document, runPath } from "./wire-run.ts";
import { withClient } from "./with-client.ts";

interface ForkOptions extends CommonOptions {
  readonly from?: string;
  readonly input?: string;
  readonly set?: readonly string[];
  readonly effects?: string;
  readonly maxAttempts?: string;
  readonly dryRun?: boolean;
}

const EXAMPLES = `
Examples:
  $ chiron fork 3f2a91c07d5e                        go on after all that is recorded
  $ chiron fork 3f2a91c07d5e --from charge          do charge and what follows again
  $ chiron fork 3f2a91c07d5e --from '#3' --set total=12 --dry-run
  $ chiron fork 3f2a91c07d5e --effects blocked      no call leaves that was not made before
The other run stays as it is; one that still runs is forked from what it has recorded so far.`;

export function addForkCommand(program: Command, deps: CommandDeps): void {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  withCommonOptions(program.command("fork <task>"))
    .description("start a new run from a place in another one's record")
    .option("--from <step>", "the first recorded step to do again: a name, or #n (default: keep all)")
    .option("--input <json>", "another input; @file reads it from a file")
    .option("--set <step=json>", "another result of a kept step; may be given again", collect)
    .addOption(
      new Option(
        "--effects <policy>",
        "calls to agents, tools, Slack, children: recorded (default) repeats none, stubbed, blocked, live",
      ).choices(FORK_EFFECTS),
    )
    .option("--max-attempts <n>", "attempts before it fails (default: as the other run)")
    .option("--dry-run", "only show what would be kept and where it would go on")
    .addHelpText("after", EXAMPLES)
    .action(action<ForkOptions>(deps, (context, options, [task]) => fork(context, options, task!)));
}

async function fork(context: CommandContext, options: ForkOptions, task: string): Promise<void> {
  const { output, config } = context;
  const { from, effects, dryRun = false } = options;
  const input = await readJsonOption({ inline: options.input, file: undefined, option: "--input" });
  const set = stepValues("--set", options.set ?? []);
  const attempts =
    options.maxAttempts === undefined ? undefined : wholeNumber(options.maxAttempts, "--max-attempts", 1, 1_000);
  const raw: Record<string, JsonText> = {};
  if (input !== null) raw["input"] = input;
  if (set !== null) raw["set"] = set;
  const place = from === undefined ? {} : { from };
  return withClient(context, options, true, async (client) => {
    const id = await resolveRunId(client, task);
    if (dryRun) {
      const replay = await client.post(runPath(id, "replay"), document(place, raw));
      if (output.json) return output.printJson(replay);
      return printReplay(output, replay as unknown as WireReplay, config.root);
    }
    const more = { ...(effects ? { effects } : {}), ...(attempts ? { max_attempts: attempts } : {}) };
    const made = await client.post(runPath(id, "fork"), document({ ...place, ...more }, raw));
    if (output.json) return output.printJson(made);
    const edited = made["edited"] as readonly string[];
    const changed = edited.length > 0 ? `, ${edited.map(printable).join(", ")} edited` : "";
    output.print(`${String(made["run_id"])} forked from ${shortId(id)}: ${String(made["kept"])} steps kept${changed}`);
    const next =
      client.url === null
        ? 'no server runs here: "chiron dev" will run it'
        : `follow it with: chiron runs tail ${shortId(String(made["run_id"]))}`;
    output.note(next);
  });
}
