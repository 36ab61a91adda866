// `chiron test`: runs scenario files on throw-away engines with virtual time, and says what was not as expected.
import fs from "node:fs";
import path from "node:path";
import { InvalidArgumentError, Option, type Command } from "commander";
import type { LoadedScenario } from "../scenarios/load.ts";
import { choose } from "../scenarios/suite.ts";
import { action, type CommandContext, type CommandDeps } from "./command.ts";
import { interruptible } from "./interrupt.ts";
import { BAD_FILE_EXIT, openBench, readAll, reportMistakes, runOnce, type TestOptions } from "./test-round.ts";
import { watchScenarios } from "./test-watch.ts";
import { withWorkflowDirs } from "../config/config.ts";

const ENGINE_EXIT = 3;

const EXAMPLES = `
Examples:
  $ chiron test                                   every *.scenario.yaml beneath this folder
  $ chiron test flows/triage.scenario.yaml -k tampered
  $ chiron test --watch                           again whatever an edit touches
  $ chiron test --junit report.xml --shard 1/4    for CI
Exit codes: 0 all passed, 1 one failed, 2 a file is wrong, 3 the engine failed, 4 one ran out of time.`;

export function addTestCommand(program: Command, deps: CommandDeps): void {
  program
    .command("test [path...]")
    .description("run scenario files: deliveries, runs and events in virtual time, held against expectations")
    .option("-k, --keyword <text>", "only scenarios with this text in their name or file")
    .option("--workflows <dir...>", "the workflow folders (default: the project's, else those beside the files)")
    .option("--watch", "stay, and run again what an edit touches")
    .option("--update", "write what came into the expectations that do not hold; comments stay")
    .option("--junit <file>", "write a JUnit report")
    .option("--tap", "print TAP instead")
    .addOption(
      new Option("--shard <i/n>", "run the i-th of n shares").argParser((text: string) => {
        const [, index = 0, count = 0] = /^(\d+)\/(\d+)$/.exec(text)?.map(Number) ?? [];
        if (index >= 1 && index <= count) return { index, count };
        throw new InvalidArgumentError("It is the i-th of n shares, such as 1/4.");
      }),
    )
    .option("--bail", "begin no further scenario after a failure")
    .option("--parallel <n>", "how many at a time (default: 4 for each processor, at most 8)")
    .addOption(new Option("--store <kind>", "where the engines keep their state").choices(["sqlite", "postgres"]))
    .option("--against <url>", "send to a server instead: its store, and no virtual time")
    .option("--python <path>", "the Python interpreter")
    .option("--json", "print one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(
      action<TestOptions>(
        deps,
        (context, options, paths) => test(context, options, paths.length > 0 ? paths : ["."]),
        (options) => ({ ...(options.workflows ? { dirs: options.workflows } : {}), storeDefault: "sqlite" }),
      ),
    );
}

async function test(context: CommandContext, options: TestOptions, paths: readonly string[]): Promise<number> {
  const { scenarios, mistakes } = readAll(paths);
  if (mistakes.length > 0 && !options.watch) return reportMistakes(context, mistakes);
  const chosen = choose(scenarios, options);
  if (chosen.length === 0 && !options.watch) return reportNothing(context, scenarios.length, paths);
  const keepDir = path.join(context.config.root, ".chiron", "tests");
  fs.rmSync(keepDir, { recursive: true, force: true });
  const withDirs = withFolders(context, options, chosen);
  if (options.watch) return watchScenarios(withDirs, options, paths, keepDir);
  try {
    const bench = await openBench(withDirs, options, keepDir);
    try {
      return await interruptible((signal) => runOnce(withDirs, options, chosen, bench, signal));
    } finally {
      await bench.close();
    }
  } catch (error) {
    const exit = context.output.fail(error);
    // A mistake of the person is one here too; anything else is the engine's.
    return exit === BAD_FILE_EXIT ? exit : ENGINE_EXIT;
  }
}

/** Where neither the command line nor the project names workflow folders, they are those of the files or above them. */
function withFolders(context: CommandContext, options: TestOptions, chosen: readonly LoadedScenario[]): CommandContext {
  const { config } = context;
  if (options.workflows || config.dirs.some((dir) => fs.existsSync(dir))) return context;
  const dirs = [...new Set(chosen.map(({ dir }) => nearestWorkflows(dir)).filter((dir) => dir !== null))];
  return dirs.length > 0 ? { ...context, config: withWorkflowDirs(config, dirs) } : context;
}

function nearestWorkflows(dir: string): string | null {
  if (fs.readdirSync(dir).some((name) => name.endsWith(".py"))) return dir;
  const inside = path.join(dir, "workflows");
  if (fs.existsSync(inside)) return inside;
  const parent = path.dirname(dir);
  return parent === dir ? null : nearestWorkflows(parent);
}

function reportNothing({ output }: CommandContext, found: number, paths: readonly string[]): number {
  const message =
    found > 0
      ? `none of ${found} scenarios was chosen`
      : `no *.scenario.yaml, .yml or .json beneath ${paths.join(", ")}`;
  if (output.json) output.printJson({ ok: false, error: message, code: "bad_request" });
  output.note(message);
  return BAD_FILE_EXIT;
}
