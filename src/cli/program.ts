// The command line as a whole: which commands there are, and how a mistake in using them is answered.
import { Command, CommanderError } from "commander";
import { errorInfo } from "../core/errors.ts";
import type { CommandDeps } from "./command.ts";

type Add = (program: Command, deps: CommandDeps) => void;

/** In the order of the help. Each is loaded when it is asked for: a start need not wait for the code of all the others. */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  init: async () => (await import("./init.ts")).addInitCommand,
  dev: async () => (await import("./dev.ts")).addDevCommand,
  serve: async () => (await import("./serve.ts")).addServeCommand,
  run: async () => (await import("./run.ts")).addRunCommand,
  runs: async () => (await import("./runs.ts")).addRunsCommands,
  replay: async () => (await import("./replay.ts")).addReplayCommand,
  fork: async () => (await import("./fork.ts")).addForkCommand,
  diff: async () => (await import("./diff.ts")).addDiffCommand,
  export: async () => (await import("./export.ts")).addExportCommand,
  import: async () => (await import("./import.ts")).addImportCommand,
  pull: async () => (await import("./pull.ts")).addPullCommand,
  golden: async () => (await import("./golden.ts")).addGoldenCommands,
  events: async () => (await import("./events.ts")).addEventsCommands,
  outbox: async () => (await import("./outbox.ts")).addOutboxCommands,
  workflows: async () => (await import("./workflows.ts")).addWorkflowsCommands,
  code: async () => (await import("./code.ts")).addCodeCommands,
  hooks: async () => (await import("./hooks.ts")).addHooksCommands,
  tools: async () => (await import("./tools.ts")).addToolsCommands,
  schedules: async () => (await import("./schedules.ts")).addSchedulesCommands,
  clock: async () => (await import("./clock.ts")).addClockCommands,
  reload: async () => (await import("./reload.ts")).addReloadCommand,
  check: async () => (await import("./check.ts")).addCheckCommand,
  test: async () => (await import("./test.ts")).addTestCommand,
  doctor: async () => (await import("./doctor.ts")).addDoctorCommand,
  keys: async () => (await import("./keys.ts")).addKeysCommands,
  db: async () => (await import("./db.ts")).addDbCommands,
  version: async () => (await import("./version.ts")).addVersionCommand,
};

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

/** The program, ready for parseAsync. `only`: the command that is asked for, where it is known; else all are loaded, for the help. */
export async function createProgram(deps: CommandDeps, only?: string): Promise<Command> {
  const program = new Program(deps.exit);
  program
    .description("Durable Python workflows in one process.")
    .version(deps.wiring.version, "-V, --version", "print the version")
    .helpCommand("help [command]", "help for a command")
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => reportUsage(text, program.rawArgs, write) })
    .addHelpText("after", ABOUT);
  const asked = only !== undefined && Object.hasOwn(COMMANDS, only) ? [COMMANDS[only]!] : Object.values(COMMANDS);
  for (const add of await Promise.all(asked.map((load) => load()))) add(program, deps);
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
