// `chiron serve`: the engine in production. As many processes as are started share one Postgres; each may take only some of the roles.
import { Option, type Command } from "commander";
import type { ConfigFlags } from "../config/config.ts";
import { ChironError } from "../core/errors.ts";
import {
  action,
  wholeNumber,
  withCommonOptions,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { agentSummary } from "./agent-summary.ts";
import { createJsonLines } from "./event-lines.ts";
import { removeServerFile, writeServerFile } from "./server-file.ts";
import { describeServer, untilStopped } from "./server-life.ts";

const ROLES = ["api", "worker", "schedule"] as const;
type Role = (typeof ROLES)[number];

interface ServeOptions extends CommonOptions {
  readonly port?: string;
  readonly host?: string;
  readonly roles?: string;
  readonly slack?: "live" | "outbox";
  readonly code?: string;
}

const EXAMPLES = `
Examples:
  $ DATABASE_URL=postgres://chiron@db/chiron chiron serve flows
  $ chiron serve --roles worker                 works on runs; answers only health and metrics
  $ chiron serve --store sqlite                 one process on one machine

SIGTERM stops it softly: running work goes on to its next checkpoint within the grace time (engine.grace, default 30s) and is given
back without costing an attempt.`;

export function addServeCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("serve [dirs...]"))
    .description("run workflows in production: on Postgres, on as many replicas as are started")
    .option("--port <port>", "port of the API (default 7780)")
    .option("--host <address>", "address to listen on (default 127.0.0.1; any other needs an API key)")
    .option("--roles <roles>", `what this process does: ${ROLES.join(",")} (default: all)`)
    .addOption(
      new Option("--slack <where>", "outbox only keeps Slack messages (default: live when there is a token)").choices([
        "live",
        "outbox",
      ]),
    )
    .option(
      "--code <which>",
      "what a task goes on with after a deploy: newest or pinned, the code it began on (default newest)",
    )
    .addHelpText("after", EXAMPLES)
    .action(action<ServeOptions>(deps, serve, flagsOf));
}

function flagsOf(options: ServeOptions, dirs: readonly string[]): ConfigFlags {
  return {
    dotenv: false,
    storeDefault: "postgres",
    graceDefaultMs: 30_000,
    ...(dirs.length > 0 ? { dirs } : {}),
    ...(options.slack ? { slack: options.slack } : {}),
    ...(options.host ? { host: options.host } : {}),
    ...(options.code ? { code: codeOf(options.code) } : {}),
    ...(options.port ? { port: wholeNumber(options.port, "--port", 0, 65_535) } : {}),
  };
}

function codeOf(text: string): "newest" | "pinned" {
  if (text === "newest" || text === "pinned") return text;
  throw new ChironError("bad_request", `--code does not know "${text}"`, { hint: "Use newest or pinned." });
}

function rolesOf(text: string | undefined): ReadonlySet<Role> {
  const words = (text ?? ROLES.join(",")).split(",").map((word) => word.trim());
  const unknown = words.find((word) => !(ROLES as readonly string[]).includes(word));
  if (unknown === undefined) return new Set(words as Role[]);
  throw new ChironError("bad_request", `--roles does not know "${unknown}"`, { hint: `Roles: ${ROLES.join(", ")}.` });
}

async function serve({ wiring, output, config }: CommandContext, options: ServeOptions): Promise<number> {
  const roles = rolesOf(options.roles);
  if (config.storeKind === "postgres" && !config.databaseUrl) {
    throw new ChironError("config_invalid", "serve needs a Postgres, and DATABASE_URL is not set", {
      hint: "Set DATABASE_URL=postgres://user@host/database, or run one process with --store sqlite.",
    });
  }
  // Before anything is open, so that a stop during the start is a stop as well.
  const stopped = untilStopped();
  const started = performance.now();
  const work = roles.has("worker");
  const runtime = await wiring.openRuntime(config, {
    work,
    schedule: roles.has("schedule"),
    load: true,
    watch: false,
    mode: "serve",
  });
  try {
    runtime.bus.subscribe(createJsonLines(process.stderr, () => Date.now()));
    const { url } = await runtime.listen({ moveOn: false, probesOnly: !roles.has("api") });
    writeServerFile(config, { pid: process.pid, url });
    const status = describeServer(runtime, url, Math.round(performance.now() - started));
    if (output.json) output.printJson(status);
    else
      output.note(
        `chiron serves ${status.workflows} workflows (${[...roles].join(", ")}) at ${url} on ${status.store}`,
      );
    if (work && config.agents.backend === "local" && !output.json)
      output.note(`agents: ${agentSummary(config.agents)}`);
    await stopped;
    return 0;
  } finally {
    removeServerFile(config);
    await runtime.close();
  }
}
