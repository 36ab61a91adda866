// The one reader of the environment and of chiron.toml. Everything else gets the frozen Config it makes.
import fs from "node:fs";
import path from "node:path";
import { ChironError } from "../core/errors.ts";
import type { Secret } from "../core/redaction.ts";
import { ALL_QUEUES, CONCURRENCY_ENV, DEFAULT_CONCURRENCY, type Concurrency, type QueueName } from "../core/queues.ts";
import type { AgentSettings } from "../effects/agents/settings.ts";
import type { Enablement } from "../engine/contract.ts";
import { agentSettings } from "./agents.ts";
import { outboxConfig, type OutboxConfig } from "./effects-outbox.ts";
import { slackConfig, type SlackConfig, type SlackMode } from "./effects-slack.ts";
import { recordingConfig, type RecordingConfig, type RecordingFlags } from "./effects-recordings.ts";
import { toolConfig, type ToolConfig, toolDirs } from "./effects-tools.ts";
import type { ConfigFile } from "./file-schema.ts";
import { readConfigFile } from "./read-file.ts";
import { DEFAULT_START_RATE, type ScheduleConfig } from "./schedules.ts";
import { webhooksConfig, type WebhooksConfig } from "./webhooks.ts";
import { secretsOf, withDotenv } from "./secrets.ts";

export interface Config {
  readonly root: string;
  readonly dirs: readonly string[];
  readonly walkAll: boolean;
  readonly host: string;
  readonly port: number;
  readonly allowedHosts: readonly string[];
  /** Where the engine keeps its own state. */
  readonly storeKind: "sqlite" | "postgres";
  /** The SQLite file. Its folder also holds what is kept beside any store: sources, addresses, process records. */
  readonly storePath: string;
  /** The Postgres server: CHIRON_DATABASE_URL, else store.url of chiron.toml, else DATABASE_URL. */
  readonly databaseUrl: string | undefined;
  /** Connections of one process to it. */
  readonly databasePool: number;
  readonly synchronous: "full" | "normal";
  readonly python: string | undefined;
  /** A baseline host to drive instead of Chiron's own. */
  readonly baselineHost: string | undefined;
  readonly processes: number;
  /** How schedules are read that leave it open. */
  readonly schedules: ScheduleConfig;
  /** Late starts of schedules a second, in this process. */
  readonly scheduleStartRate: number;
  /** dev: whether unfinished runs are replayed on code that was loaded. */
  readonly replayOnReload: boolean;
  readonly concurrency: Concurrency;
  readonly maxAttempts: number | undefined;
  readonly leaseMs: number | undefined;
  readonly graceMs: number | undefined;
  readonly retentionMs: number | null;
  /** What a task goes on with after new code was loaded: that, or the generation its first attempt began on. */
  readonly code: "newest" | "pinned";
  readonly reconcileMs: number;
  /** Undefined: nobody said; three looks where one process owns the store, never where several share it. */
  readonly reapAfter: number | undefined;
  readonly enablement: Enablement & { readonly names: readonly string[] | null };
  readonly envKeys: readonly string[];
  readonly agents: AgentSettings;
  readonly tools: ToolConfig;
  readonly slack: SlackConfig;
  readonly outbox: OutboxConfig;
  readonly webhooks: WebhooksConfig;
  /** Null: answers are neither recorded nor played. */
  readonly recordings: RecordingConfig | null;
  /** Values that are masked in logs, failures and answers. */
  readonly secrets: readonly Secret[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the command line says; wins over the environment, which wins over chiron.toml. */
export interface ConfigFlags {
  readonly dirs?: readonly string[];
  readonly host?: string;
  readonly port?: number;
  readonly db?: string;
  readonly store?: "sqlite" | "postgres";
  /** What a command takes when nobody says which store. */
  readonly storeDefault?: "sqlite" | "postgres";
  readonly graceDefaultMs?: number;
  readonly code?: "newest" | "pinned";
  /** Read .env and .env.local of the project beneath the environment. */
  readonly dotenv?: boolean;
  readonly recordings?: RecordingFlags;
  readonly python?: string;
  readonly slack?: SlackMode;
}

/** Reads everything for a project rooted at `root`. Throws ChironError config_invalid that names the file or variable. */
export function loadConfig(root: string, given: Environment, flags: ConfigFlags = {}): Config {
  const env = flags.dotenv ? withDotenv(root, given) : given;
  const file = readConfigFile(path.join(root, "chiron.toml"));
  const engine = file.engine ?? {};
  const dirs = workflowDirs(root, env, flags, file);
  return Object.freeze({
    root,
    dirs,
    walkAll: file.workflows?.walk_all ?? false,
    host: flags.host ?? file.server?.host ?? "127.0.0.1",
    port: flags.port ?? file.server?.port ?? 7780,
    allowedHosts: file.server?.allowed_hosts ?? [],
    storePath: path.resolve(root, flags.db ?? env["CHIRON_DB"] ?? file.store?.path ?? ".chiron/chiron.db"),
    storeKind: flags.store ?? file.store?.kind ?? flags.storeDefault ?? "sqlite",
    databaseUrl: nonEmpty(env["CHIRON_DATABASE_URL"]) ?? file.store?.url ?? nonEmpty(env["DATABASE_URL"]),
    databasePool: file.store?.pool ?? 8,
    synchronous: file.store?.synchronous ?? "full",
    python: flags.python ?? nonEmpty(env["PYTHON_WORKFLOW_HOST_PYTHON"]) ?? file.python?.interpreter,
    baselineHost: nonEmpty(env["PYTHON_WORKFLOW_HOST_PATH"]),
    processes: file.python?.processes ?? 2,
    schedules: {
      defaultTimezone: timezone(file.project?.default_timezone ?? "UTC"),
      cronDialect: file.project?.cron_dialect ?? "unix",
      v1Schedules: file.project?.v1_schedules ?? false,
    },
    scheduleStartRate: file.schedules?.start_rate ?? DEFAULT_START_RATE,
    replayOnReload: file.replay?.on_reload ?? true,
    concurrency: concurrency(env, engine.concurrency),
    maxAttempts: engine.max_attempts,
    leaseMs: engine.lease,
    graceMs: engine.grace ?? flags.graceDefaultMs,
    retentionMs: engine.retention ?? null,
    code: flags.code ?? engine.code ?? "newest",
    reconcileMs: wholeNumber(env["WORKFLOW_RECONCILE_INTERVAL_SECS"], 60) * 1_000,
    reapAfter:
      nonEmpty(env["WORKFLOW_REAP_REMOVED_AFTER_TICKS"]) === undefined
        ? undefined
        : wholeNumber(env["WORKFLOW_REAP_REMOVED_AFTER_TICKS"], 3),
    enablement: enablement(env),
    envKeys: [env["CHIRON_API_KEY"], env["CENTAUR_API_KEY"]].map(nonEmpty).filter((key) => key !== undefined),
    agents: agentSettings(root, env, file.agents),
    tools: toolConfig(root, dirs, nonEmpty(env["WORKFLOW_TOOL_API_URL"]), file.effects),
    slack: slackConfig(env, file.effects, flags.slack),
    outbox: outboxConfig(file.effects),
    webhooks: webhooksConfig(file.webhooks),
    recordings: recordingConfig(root, file.effects, flags.recordings),
    secrets: secretsOf(env, file.secrets),
    env,
  });
}

/** The same configuration for other workflow folders, with the tools inside and beside them. */
export function withWorkflowDirs(config: Config, dirs: readonly string[]): Config {
  const { tools } = config;
  // No folder at all: local tools are switched off.
  return { ...config, dirs, tools: { ...tools, dirs: tools.dirs.length === 0 ? [] : toolDirs(dirs) } };
}

function nonEmpty(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed ? trimmed : undefined;
}

/** Flags, then WORKFLOW_DIRS (`:`-separated, `~` is the home folder), then chiron.toml, then ./workflows. Missing folders stay: they may come. */
function workflowDirs(root: string, env: Environment, flags: ConfigFlags, file: ConfigFile): string[] {
  const fromEnv = (env["WORKFLOW_DIRS"] ?? "").split(path.delimiter).filter((dir) => dir !== "");
  const chosen = [flags.dirs ?? [], fromEnv, file.workflows?.dirs ?? []].find((dirs) => dirs.length > 0) ?? [
    "workflows",
  ];
  const home = env["HOME"] ?? "~";
  const absolute = chosen.map((dir) => path.resolve(root, dir.replace(/^~(?=\/|$)/, home)));
  return [...new Set(absolute)].map((dir) => (fs.existsSync(dir) ? fs.realpathSync(dir) : dir));
}

/** Reference behaviour, section 4.1: what does not parse, or is 0, is the default. */
function concurrency(env: Environment, file: Record<string, number> = {}): Concurrency {
  const known: readonly string[] = ALL_QUEUES;
  for (const name of Object.keys(file)) {
    if (known.includes(name)) continue;
    throw new ChironError("config_invalid", `chiron.toml: engine.concurrency names an unknown queue ${name}`, {
      hint: `Queues: ${known.join(", ")}.`,
    });
  }
  const entries = ALL_QUEUES.map((queue): [QueueName, number] => {
    const variable = CONCURRENCY_ENV[queue];
    const fallback = file[queue] ?? DEFAULT_CONCURRENCY[queue];
    return [queue, (variable && wholeNumber(env[variable], 0)) || fallback];
  });
  return Object.fromEntries(entries) as Record<QueueName, number>;
}

function wholeNumber(text: string | undefined, fallback: number): number {
  return text !== undefined && /^\d{1,9}$/.test(text.trim()) ? Number(text) : fallback;
}

function timezone(zone: string): string {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch (error) {
    throw new ChironError("config_invalid", `project.default_timezone: unknown time zone ${zone}`, {
      hint: "Use an IANA name such as Europe/Berlin.",
      cause: error,
    });
  }
}

function enablement(env: Environment): Config["enablement"] {
  const mode = (env["WORKFLOW_ENABLE_MODE"] ?? "").trim().toLowerCase();
  if (mode === "" || mode === "all") return { mode: "all", names: null, allows: () => true };
  if (mode !== "allowlist") {
    throw new ChironError("config_invalid", `WORKFLOW_ENABLE_MODE is "${mode}"`, { hint: 'Use "all" or "allowlist".' });
  }
  const names = (env["WORKFLOW_ALLOWED_NAMES"] ?? "").split(/[\s,]+/).filter((name) => name !== "");
  const allowed = new Set(names);
  return { mode, names, allows: (name) => allowed.has(name) };
}
