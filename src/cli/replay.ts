// `chiron replay`: what the current code, or the code of then, does with what a run recorded; with --all, whether it still follows the
// records of many.
import { Option, type Command } from "commander";
import { ChironError, errorInfo } from "../core/errors.ts";
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
import { divergenceText, printReplay, type WireDivergence, type WireReplay } from "./replay-page.ts";
import { resolveRunId, shortId } from "./run-id.ts";
import { stepValues } from "./step-values.ts";
import { document, runPath } from "./wire-run.ts";
import { withClient } from "./with-client.ts";

interface ReplayOptions extends CommonOptions {
  readonly all?: boolean;
  readonly unfinished?: boolean;
  readonly last?: string;
  readonly workflow?: string;
  readonly check?: boolean;
  readonly code?: string;
  readonly steps?: string;
  readonly effects?: string;
  readonly from?: string;
  readonly input?: string;
  readonly set?: readonly string[];
  readonly stub?: readonly string[];
}

interface WireChecked {
  readonly task_id: string;
  readonly workflow_name: string;
  readonly status: string;
  readonly outcome: "diverged" | "unclear";
  readonly divergence: WireDivergence | null;
  readonly message: string | null;
}

const MOST = 10_000;
const EXAMPLES = `
Examples:
  $ chiron replay 3f2a91c07d5e                      what the code of now does with what was recorded
  $ chiron replay 3f2a91c07d5e --code original      the code that ran it
  $ chiron replay 3f2a91c07d5e --set total=12 --from charge
  $ chiron replay --all --unfinished                would the runs under way go on as they began?
  $ chiron replay --all --last 500 --check          exit code 3 when a run does not: for CI
Nothing is written and nothing outside is reached.`;

export function addReplayCommand(program: Command, deps: CommandDeps): void {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  withCommonOptions(program.command("replay [task]"))
    .description("run the code of now against what was recorded, without writing or reaching anything")
    .option("--all", "replay many runs and list those that leave their record")
    .option("--unfinished", "with --all: only runs that have not ended")
    .option("--last <n>", "with --all: the newest so many (default 1000)")
    .option("--workflow <name>", "with --all: only runs of this workflow")
    .option("--check", "exit with 3 when a run leaves its record")
    .addOption(
      new Option("--code <which>", "current (default), or original: the code that ran it").choices([
        "current",
        "original",
      ]),
    )
    .addOption(
      new Option("--steps <policy>", "at a step that is not recorded: stop (default), stub, live, block").choices([
        "stop",
        "stub",
        "live",
        "block",
      ]),
    )
    .addOption(
      new Option("--effects <policy>", "calls to agents, tools, Slack: recorded (default), stubbed, blocked").choices([
        "recorded",
        "stubbed",
        "blocked",
      ]),
    )
    .option("--from <step>", "set aside what is recorded from this step on: a name, or #n")
    .option("--input <json>", "another input; @file reads it from a file")
    .option("--set <step=json>", "another result of a recorded step; may be given again", collect)
    .option("--stub <step=json>", "the outcome of a step that is not recorded, with --steps stub or live", collect)
    .addHelpText("after", EXAMPLES)
    .action(action<ReplayOptions>(deps, (context, options, [task]) => replay(context, options, task)));
}

function replay(context: CommandContext, options: ReplayOptions, task: string | undefined): Promise<number> {
  const many = options.all === true || options.unfinished === true || options.last !== undefined;
  if (task !== undefined && many) throw usage("a task and --all were both given", "Give one of them.");
  if (task !== undefined) return replayOne(context, options, task);
  if (!many) throw usage("no task was given", "Name a run, or give --all.");
  const single = (["code", "steps", "effects", "from", "input", "set", "stub"] as const).find(
    (name) => options[name] !== undefined,
  );
  if (single)
    throw usage(
      `--${single} is for one task, not for --all`,
      "Many runs are replayed on the current code as they are.",
    );
  return replayMany(context, options);
}

function usage(message: string, hint: string): ChironError {
  return new ChironError("bad_request", message, { hint });
}

async function replayOne(context: CommandContext, options: ReplayOptions, task: string): Promise<number> {
  const { output, config } = context;
  const { code, from, effects } = options;
  const stubs = stepValues("--stub", options.stub ?? []);
  const steps = options.steps ?? (stubs === null ? undefined : "stub");
  const input = await readJsonOption({ inline: options.input, file: undefined, option: "--input" });
  const set = stepValues("--set", options.set ?? []);
  const plain = Object.fromEntries(
    Object.entries({ code, steps, effects, from }).filter(([, value]) => value !== undefined),
  );
  const raw: Record<string, JsonText> = {};
  if (input !== null) raw["input"] = input;
  if (set !== null) raw["set"] = set;
  if (stubs !== null) raw["stubs"] = stubs;
  return withClient(context, options, true, async (client) => {
    const id = await resolveRunId(client, task);
    const answer = (await client.post(runPath(id, "replay"), document(plain, raw))) as unknown as WireReplay;
    if (output.json) output.printJson(answer);
    else printReplay(output, answer, config.root);
    return options.check && answer.divergence !== null ? errorInfo("check_failed").exit : 0;
  });
}

async function replayMany(context: CommandContext, options: ReplayOptions): Promise<number> {
  const { output, config } = context;
  const last = options.last === undefined ? undefined : wholeNumber(options.last, "--last", 1, MOST);
  const body = JSON.stringify({ workflow_name: options.workflow, unfinished: options.unfinished ?? false, last });
  return withClient(context, options, true, async (client) => {
    const answer = await client.post("/api/workflows/replays", body);
    const diverged = Number(answer["diverged"]);
    const exit = options.check && diverged > 0 ? errorInfo("check_failed").exit : 0;
    if (output.json) {
      output.printJson({ ...answer, ok: exit === 0 });
      return exit;
    }
    for (const one of answer["runs"] as readonly WireChecked[]) {
      const about = `${shortId(one.task_id)} ${printable(one.workflow_name)} ${one.status}`;
      const text =
        one.outcome === "diverged" && one.divergence
          ? divergenceText(output, one.divergence, config.root)
          : output.style(
              one.outcome === "diverged" ? "red" : "yellow",
              `${one.outcome}: ${printable(one.message ?? "")}`,
            );
      output.print(`${about}  ${text}`);
    }
    const { checked, follows, unclear, ms } = answer;
    output.print(
      `${String(checked)} runs replayed in ${String(ms)} ms: ${String(follows)} follow their record, ${diverged} leave it, ${String(unclear)} unclear`,
    );
    return exit;
  });
}
