// What every command is made of: its declaration for commander, and a body that gets the parsed configuration and the output.
import { Option, type Command } from "commander";
import type { Config, ConfigFlags } from "../config/config.ts";
import { ChironError } from "../core/errors.ts";
import { createOutput, type Output } from "./output.ts";
import type { Wiring } from "./wiring.ts";

export interface CommandContext {
  readonly wiring: Wiring;
  readonly output: Output;
  readonly config: Config;
}

export interface CommandDeps {
  readonly wiring: Wiring;
  readonly loadConfig: (flags: ConfigFlags) => Config;
  /** Where the exit code goes; the process ends by itself. */
  readonly exit: (code: number) => void;
}

/** Options that commander parsed for every command. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly db?: string;
  readonly store?: string;
  readonly python?: string;
  readonly url?: string;
}

/** Adds the options every command has. */
export function withCommonOptions(command: Command): Command {
  return command
    .option("--json", "print one JSON document (or one per line, for streams)")
    .option("--db <path>", "the SQLite file (default .chiron/chiron.db)")
    .addOption(
      new Option("--store <kind>", "where the engine keeps its state (default sqlite; serve: postgres)").choices([
        "sqlite",
        "postgres",
      ]),
    )
    .option("--python <path>", "the Python interpreter")
    .option(
      "--url <url>",
      "talk to this server (default: CHIRON_API_URL, else the one that runs here, else the store itself)",
    );
}

/** Wraps a body: makes its context, maps what it throws to a message and an exit code. The body's number is the exit code; nothing means 0. */
export function action<O extends CommonOptions>(
  deps: CommandDeps,
  body: (context: CommandContext, options: O, args: readonly string[]) => Promise<number | void>,
  flagsOf: (options: O, args: readonly string[]) => ConfigFlags = () => ({}),
) {
  return async (...parsed: unknown[]): Promise<void> => {
    // commander calls with the arguments, the options and the command.
    const options = parsed.at(-2) as O;
    const args = parsed
      .slice(0, -2)
      .flat()
      .filter((arg): arg is string => typeof arg === "string");
    const output = createOutput({ json: options.json ?? false, stdout: process.stdout, stderr: process.stderr });
    try {
      const common: ConfigFlags = {
        dotenv: true,
        ...(options.db ? { db: options.db } : {}),
        ...(options.store === "sqlite" || options.store === "postgres" ? { store: options.store } : {}),
        ...(options.python ? { python: options.python } : {}),
      };
      const config = deps.loadConfig({ ...common, ...flagsOf(options, args) });
      deps.exit((await body({ wiring: deps.wiring, output, config }, options, args)) ?? 0);
    } catch (error) {
      deps.exit(output.fail(error));
    }
  };
}

/** A whole number from an option. Throws bad_request. */
export function wholeNumber(text: string, name: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new ChironError("bad_request", `${name} must be a whole number from ${least} to ${most}, not ${text}`);
}
