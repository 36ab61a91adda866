// The command line as a whole: which commands there are, and how a mistake in using them is answered.
import { Command, CommanderError } from "commander";
import { errorInfo } from "../core/errors.ts";
import { addCheckCommand } from "./check.ts";
import { addClockCommands } from "./clock.ts";
import type { CommandDeps } from "./command.ts";
import { addDbCommands } from "./db.ts";
import { addCodeCommands } from "./code.ts";
import { addDevCommand } from "./dev.ts";
import { addDiffCommand } from "./diff.ts";
import { addDoctorCommand } from "./doctor.ts";
import { addEventsCommands } from "./events.ts";
import { addHooksCommands } from "./hooks.ts";
import { addForkCommand } from "./fork.ts";
import { addExportCommand } from "./export.ts";
import { addGoldenCommands } from "./golden.ts";
import { addImportCommand } from "./import.ts";
import { addInitCommand } from "./init.ts";
import { addKeysCommands } from "./keys.ts";
import { addOutboxCommands } from "./outbox.ts";
import { addPullCommand } from "./pull.ts";
import { addReloadCommand } from "./reload.ts";
import { addReplayCommand } from "./replay.ts";
import { addRunCommand } from "./run.ts";
import { addRunsCommands } from "./runs.ts";
import { addSchedulesCommands } from "./schedules.ts";
import { addServeCommand } from "./serve.ts";
import { addTestCommand } from "./test.ts";
import { addToolsCommands } from "./tools.ts";
import { addVersionCommand } from "./version.ts";
import { addWorkflowsCommands } from "./workflows.ts";

const ABOUT = `
Examples:
  $ chiron init flows && cd flows       a folder with a first workflow
  $ chiron dev                          run workflows here, with hot reload
  $ chiron run hello --wait             start one and print its result

Every command has --help with examples, --json, and stable exit codes:
  0 done   1 internal   2 usage   3 the run failed, or check found errors   4 not allowed   5 not found
  6 conflict   7 unavailable   8 the store is in use   9 the store is unusable   10 Python   11 port taken`;

/** A mistyped command line ends like every other command: with a message and an exit code, not with a thrown error. */
class Program extends Command {
  readonly #exit: (code: number) => void;

  constructor(exit: (code: number) => void) {
    super("chiron");
    this.#exit = exit;
  }

  /** The command line as it was typed; commander keeps it without saying so in its types. */
  declare readonly rawArgs: readonly string[];

  override async parseAsync(...args: Parameters<Command["parseAsync"]>): Promise<this> {
    for (const stream of [process.stdout, process.stderr]) {
      if (!stream.listeners("error").includes(ignoreClosedPipe)) stream.on("error", ignoreClosedPipe);
    }
    try {
      return await super.parseAsync(...args);
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      this.#exit(error.exitCode === 0 ? 0 : errorInfo("bad_request").exit);
      return this;
    }
  }
}

/** A reader that has seen enough ("| head") is no fault; commands that wait end by it (interrupt.ts). */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** The program, ready for parseAsync. */
export function createProgram(deps: CommandDeps): Command {
  const program = new Program(deps.exit);
  program
    .description("Durable Python workflows in one process.")
    .version(deps.wiring.version, "-V, --version", "print the version")
    .helpCommand("help [command]", "help for a command")
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => reportUsage(text, program.rawArgs, write) })
    .addHelpText("after", ABOUT);
  for (const add of [
    addInitCommand,
    addDevCommand,
    addServeCommand,
    addRunCommand,
    addRunsCommands,
    addReplayCommand,
    addForkCommand,
    addDiffCommand,
    addExportCommand,
    addImportCommand,
    addPullCommand,
    addGoldenCommands,
    addEventsCommands,
    addOutboxCommands,
    addWorkflowsCommands,
    addCodeCommands,
    addHooksCommands,
    addToolsCommands,
    addSchedulesCommands,
    addClockCommands,
    addReloadCommand,
    addCheckCommand,
    addTestCommand,
    addDoctorCommand,
    addKeysCommands,
    addDbCommands,
    addVersionCommand,
  ]) {
    add(program, deps);
  }
  return program;
}

/** commander's message as one more of ours: on request as JSON, else with the way to the help. */
function reportUsage(text: string, args: readonly string[], writeError: (text: string) => void): void {
  const [first, ...rest] = text
    .replace(/^error: /, "")
    .trim()
    .split("\n");
  const hint = [...rest.map((line) => line.replace(/^\((.*)\)$/, "$1")), 'See "chiron help".'].join(" ");
  if (!args.includes("--json")) writeError(`error: ${first}\n  ${hint}\n`);
  else process.stdout.write(`${JSON.stringify({ ok: false, error: first, code: "bad_request", hint })}\n`);
}
