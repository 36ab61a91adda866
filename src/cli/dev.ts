// `chiron dev`: the whole engine on this machine, with the workflow folders reloaded on every save.
import path from "node:path";
import { Option, type Command } from "commander";
import type { ConfigFlags } from "../config/config.ts";
import type { RecordingConfig } from "../config/effects-recordings.ts";
import { ChironError } from "../core/errors.ts";
import {
  action,
  withCommonOptions,
  wholeNumber,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { agentSummary } from "./agent-summary.ts";
import { createEventLines, problemText } from "./event-lines.ts";
import { removeServerFile, writeServerFile } from "./server-file.ts";
import { describeServer, untilStopped, type ServerStatus } from "./server-life.ts";
import type { Runtime } from "./wiring.ts";

interface DevOptions extends CommonOptions {
  readonly port?: string;
  readonly host?: string;
  readonly postgres?: boolean;
  readonly record?: string;
  readonly recordMode?: "once" | "all";
  readonly replay?: string;
  readonly slack?: "live" | "outbox";
}

const EXAMPLES = `
Examples:
  $ chiron dev                        workflows from ./workflows (or WORKFLOW_DIRS, or chiron.toml)
  $ chiron dev flows shared/flows     workflows from these folders
  $ chiron dev --record recordings    real answers are kept; chiron dev --replay recordings gives them again
  $ chiron dev --port 9000 --db /tmp/try.db
  $ chiron dev --postgres             the engine on a Postgres of its own; add --store sqlite to keep it for ctx._pool only`;

export function addDevCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("dev [dirs...]"))
    .description("run workflows on this machine: engine, API and hot reload")
    .option("--port <port>", "port of the API (default 7780; a taken one moves on to the next)")
    .option(
      "--postgres",
      "start a Postgres of this project's own under .chiron/pg, for the engine and as DATABASE_URL of the workflows",
    )
    .option("--host <address>", "address to listen on (default 127.0.0.1)")
    .addOption(
      new Option("--slack <where>", "live posts Slack messages; outbox, the default, only keeps them").choices([
        "live",
        "outbox",
      ]),
    )
    .option(
      "--record <path>",
      "keep the real answers of agents, tools, Slack and HTTP in this file or folder, and play those it has",
    )
    .option("--replay <path>", "play the answers of this file or folder; what it does not have fails")
    .addOption(
      new Option("--record-mode <mode>", "once plays what is recorded, all records it anew").choices(["once", "all"]),
    )
    .addHelpText("after", EXAMPLES)
    .action(action<DevOptions>(deps, dev, flagsOf));
}

function flagsOf(options: DevOptions, dirs: readonly string[]): ConfigFlags {
  return {
    ...recordingFlags(options),
    ...(dirs.length > 0 ? { dirs } : {}),
    ...(options.postgres ? { storeDefault: "postgres" as const } : {}),
    ...(options.slack ? { slack: options.slack } : {}),
    ...(options.host ? { host: options.host } : {}),
    ...(options.port ? { port: wholeNumber(options.port, "--port", 0, 65_535) } : {}),
  };
}

function recordingFlags({ record, recordMode, replay }: DevOptions): ConfigFlags {
  if (recordMode !== undefined && record === undefined) {
    throw new ChironError("bad_request", "--record-mode was given without --record", {
      hint: "Say where to: --record recordings. Without it, effects.recordings_mode of chiron.toml says the mode.",
    });
  }
  if (record !== undefined && replay !== undefined) {
    throw new ChironError("bad_request", "--record and --replay were both given", {
      hint: "Give one of them: --record plays what is recorded already.",
    });
  }
  if (record !== undefined) return { recordings: { path: record, mode: recordMode ?? "once" } };
  return replay === undefined ? {} : { recordings: { path: replay, mode: "none" } };
}

async function dev({ wiring, output, config }: CommandContext, { postgres = false }: DevOptions): Promise<number> {
  const started = performance.now();
  const runtime = await wiring.openRuntime(config, {
    work: true,
    load: true,
    watch: true,
    mode: "dev",
    privatePostgres: postgres,
  });
  try {
    runtime.bus.subscribe(createEventLines({ stream: process.stderr, now: () => runtime.now(), root: config.root }));
    // Before anybody is told that it is ready: a stop that comes at once must find it.
    const stopped = untilStopped();
    const { url, port } = await runtime.listen({ moveOn: true });
    writeServerFile(config, { pid: process.pid, url });
    if (port !== config.port && config.port !== 0) output.note(`port ${config.port} is taken; using ${port}`);
    const status = describeServer(runtime, url, Math.round(performance.now() - started));
    if (output.json) output.printJson(status);
    else welcome((line) => output.note(line), status, runtime, commandOf(wiring.assets, config.root));
    if (postgres && !output.json) output.note(`  Postgres: psql '${runtime.config.databaseUrl}'\n`);
    await stopped;
    output.note("stopping: running work goes on to its next checkpoint (Ctrl-C again to end now)");
    return 0;
  } finally {
    removeServerFile(config);
    await runtime.close();
  }
}

function recordingText({ mode, file }: RecordingConfig, shown: (file: string) => string): string {
  if (mode === "none") return `played from ${shown(file)}, nothing real is asked`;
  return `recorded to ${shown(file)}${mode === "once" ? ", those it has are played" : ""}`;
}

/** Relative where that is shorter to read than the absolute path. */
function nearby(root: string, file: string): string {
  const relative = path.relative(root, file) || ".";
  return relative.startsWith("..") ? file : relative;
}

/** What a person types here to run a command: in a checkout there is no program of the name. */
function commandOf(assets: string, root: string): string {
  return path.resolve(assets) === root ? "node scripts/chiron.mjs" : "chiron";
}

function welcome(say: (line: string) => void, status: ServerStatus, runtime: Runtime, command: string): void {
  const { root } = runtime.config;
  const shown = (file: string): string => nearby(root, file);
  const count = (size: number, noun: string): string => `${size} ${noun}${size === 1 ? "" : "s"}`;
  say("");
  say(`  Chiron is ready in ${status.ms} ms`);
  say(`  Devtools   ${status.url}/`);
  say(`  API        ${status.url}/api/workflows   (OpenAPI: ${status.url}/api/openapi.json)`);
  say(`  Store      ${shown(status.store)}`);
  say(
    `  Workflows  ${count(status.workflows, "workflow")}, ${count(status.webhooks, "webhook")}, ${count(status.schedules, "schedule")} in ${status.dirs.map(shown).join(", ")}`,
  );
  if (runtime.config.agents.backend !== "local") say(`  Agents     ${agentSummary(runtime.config.agents)}`);
  if (runtime.slack === "live") say(`  Slack      live: messages are posted to ${runtime.config.slack.apiUrl}`);
  else if (runtime.config.slack.token)
    say("  Slack      outbox: nothing is posted, although there is a token (--slack live posts)");
  const tools = [...runtime.catalog.current().tools.keys()];
  if (tools.length > 0) say(`  Tools      ${tools.join(", ")}`);
  if (runtime.config.recordings !== null) say(`  Answers    ${recordingText(runtime.config.recordings, shown)}`);
  if (status.taken_over > 0) say(`  Taken over ${count(status.taken_over, "run")} of an earlier process`);
  const problems = runtime.catalog.current().problems;
  for (const problem of problems)
    say(
      `  ${problem.severity === "error" ? "✘" : "!"} ${shown(problem.path)}${problem.line ? `:${problem.line}` : ""} ${problemText(problem)}`,
    );
  const sample = runtime.catalog.current().workflows.has("hello")
    ? "hello"
    : [...runtime.catalog.current().workflows.keys()][0];
  say("");
  if (sample === undefined)
    say(`  No workflows yet: put a Python file into ${status.dirs.map(shown).join(" or ")}, or try "${command} init".`);
  else
    say(
      `  Try: ${command} run ${sample} --wait     or: curl -s ${status.url}/api/workflows/runs -H 'Content-Type: application/json' -d '{"workflow_name":"${sample}","input":{}}'`,
    );
  say("");
}
