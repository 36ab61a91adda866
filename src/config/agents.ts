// Section [agents] of chiron.toml: what it may say, and the settings it makes together with the environment. A misspelt setting is named.
import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { ChironError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import {
  AGENT_SETTING_DEFAULTS,
  HARNESSES,
  type AgentSettings,
  type BackendSettings,
} from "../effects/agents/settings.ts";
import type { Environment } from "./config.ts";
import { duration } from "./duration.ts";

export const agentsSchema = z.strictObject({
  backend: z.string().optional(),
  harness: z.record(z.string(), z.string()).optional(),
  default_harness: z.string().optional(),
  hold_slot: z.boolean().optional(),
  max_turns: z.int().min(1).max(1_000).optional(),
  idle_timeout: duration.optional(),
  max_duration: duration.optional(),
  max_output_bytes: z.int().min(1_024).max(67_108_864).optional(),
  backends: z.record(z.string(), z.looseObject({ kind: z.string().optional() })).optional(),
});
export type AgentsFile = z.infer<typeof agentsSchema>;

/** fetch takes no address with credentials in it, and they would be shown. */
const address = z
  .url({ protocol: /^https?$/ })
  .refine((url) => !/^https?:\/\/[^/]*@/.test(url), "holds credentials: name their variable in key_env instead");

/** One schema a kind, so that an error names the setting of the kind that was meant. */
const BACKENDS = {
  session: z.strictObject({
    kind: z.literal("session"),
    url: address.optional(),
    key_env: z.string().min(1).optional(),
    on_harness_conflict: z.enum(["reject", "restart"]).optional(),
  }),
  command: z.strictObject({
    kind: z.literal("command"),
    command: z.array(z.string()).min(1),
    prompt: z.enum(["stdin", "argument"]).optional(),
    model_arguments: z.array(z.string()).optional(),
    cwd: z.string().optional(),
    env: z.array(z.string()).optional(),
  }),
  openai: z.strictObject({
    kind: z.literal("openai"),
    base_url: address.optional(),
    key_env: z.string().min(1).optional(),
    model: z.string().min(1).optional(),
    system: z.string().optional(),
  }),
  script: z.strictObject({ kind: z.literal("script"), file: z.string().min(1) }),
  local: z.strictObject({ kind: z.literal("local") }),
} as const;
type Kind = keyof typeof BACKENDS;
const KINDS = Object.keys(BACKENDS) as Kind[];

/** What a program needs to find itself, and nothing secret. */
const PLAIN_VARIABLES = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"];

/** Throws ChironError config_invalid that names the setting. */
export function agentSettings(root: string, env: Environment, file: AgentsFile = {}): AgentSettings {
  const declared = Object.entries(file.backends ?? {}).map(
    ([name, one]) => [name, backendOf(name, one, root, env)] as const,
  );
  // These two need no more than the environment says.
  const implied: Record<string, BackendSettings> = {
    local: { kind: "local" },
    session: backendOf("session", { kind: "session" }, root, env),
  };
  const backends = { ...implied, ...Object.fromEntries(declared) };
  const harnesses = file.harness ?? {};
  const defaultHarness = file.default_harness ?? AGENT_SETTING_DEFAULTS.defaultHarness;
  for (const name of Object.keys(harnesses)) checkHarness(name, `agents.harness.${name}`);
  checkHarness(defaultHarness, "agents.default_harness");
  const backend = env["CHIRON_AGENT_BACKEND"]?.trim() || file.backend || AGENT_SETTING_DEFAULTS.backend;
  for (const name of [backend, ...Object.values(harnesses)]) checkBackend(name, Object.keys(backends));
  return {
    backends,
    backend,
    harnesses,
    defaultHarness,
    holdSlot: file.hold_slot ?? AGENT_SETTING_DEFAULTS.holdSlot,
    maxTurns: file.max_turns ?? AGENT_SETTING_DEFAULTS.maxTurns,
    idleTimeoutMs: file.idle_timeout ?? AGENT_SETTING_DEFAULTS.idleTimeoutMs,
    maxDurationMs: file.max_duration ?? AGENT_SETTING_DEFAULTS.maxDurationMs,
    maxOutputBytes: file.max_output_bytes ?? AGENT_SETTING_DEFAULTS.maxOutputBytes,
  };
}

function invalid(what: string, hint: string): ChironError {
  return new ChironError("config_invalid", `chiron.toml: ${what}`, { hint });
}

function checkHarness(name: string, where: string): void {
  if (HARNESSES.includes(name)) return;
  const meant = name === "claude-code" ? "claudecode" : nearest(name, HARNESSES, 1)[0];
  throw invalid(
    `${where}: unknown harness ${name}`,
    `Known: ${HARNESSES.join(", ")}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`,
  );
}

function checkBackend(name: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const [meant] = nearest(name, known, 1);
  throw invalid(
    `the agent backend ${name} is not declared`,
    `Declare [agents.backends.${name}], or use one of: ${known.join(", ")}.${meant ? ` Did you mean ${meant}?` : ""}`,
  );
}

/** A backend's kind is its name where it says no other. */
function backendOf(
  name: string,
  raw: { readonly kind?: string | undefined },
  root: string,
  env: Environment,
): BackendSettings {
  const kind = (raw.kind ?? name) as Kind;
  const where = `agents.backends.${name}`;
  if (!KINDS.includes(kind)) {
    throw invalid(`${where}.kind is ${raw.kind ?? "not set"}`, `Kinds: ${KINDS.join(", ")}.`);
  }
  const one = check(where, kind, { ...raw, kind });
  switch (one.kind) {
    case "session": {
      const keyVariable = one.key_env ?? "CENTAUR_API_KEY";
      const url = one.url ?? nonEmpty(env["CENTAUR_API_URL"]);
      const onHarnessConflict = one.on_harness_conflict;
      return { kind, url, keyVariable, key: nonEmpty(env[keyVariable]), onHarnessConflict } as BackendSettings;
    }
    case "command":
      return {
        kind: "command",
        command: [programOf(one.command[0]!, root), ...one.command.slice(1)],
        prompt: one.prompt ?? "stdin",
        modelArguments: one.model_arguments ?? [],
        cwd: path.resolve(root, one.cwd ?? "."),
        env: allowed(env, one.env ?? []),
      };
    case "openai": {
      const keyVariable = one.key_env ?? (one.base_url === undefined ? "OPENAI_API_KEY" : undefined);
      return {
        kind: "openai",
        baseUrl: one.base_url ?? "https://api.openai.com/v1",
        keyVariable,
        key: keyVariable === undefined ? undefined : nonEmpty(env[keyVariable]),
        model: one.model,
        system: one.system,
      };
    }
    case "script":
      return { kind: "script", file: path.resolve(root, one.file) };
    case "local":
      return { kind: "local" };
  }
}

type Backend = z.infer<(typeof BACKENDS)[Kind]>;

function check(where: string, kind: Kind, raw: object): Backend {
  const schema = BACKENDS[kind];
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const unknown = issue.code === "unrecognized_keys" ? issue.keys[0]! : null;
  if (unknown === null) throw invalid(`${[where, ...issue.path].join(".")}: ${issue.message}`, "See docs/effects.md.");
  const known = Object.keys(schema.shape);
  const [meant] = nearest(unknown, known, 1);
  throw invalid(
    `unknown setting ${where}.${unknown}`,
    `A backend of kind ${kind} knows: ${known.join(", ")}.${meant ? ` Did you mean ${meant}?` : ""}`,
  );
}

/** A path that begins with a dot is the project's, not the agent's working folder's. */
function programOf(program: string, root: string): string {
  const own = path.resolve(root, program);
  return program.startsWith(".") || (program.includes("/") && fs.existsSync(own)) ? own : program;
}

function allowed(env: Environment, names: readonly string[]): Record<string, string> {
  const all = [...PLAIN_VARIABLES, ...names];
  const given = all.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  return { ...Object.fromEntries(given), NO_COLOR: "1", TERM: "dumb" };
}

function nonEmpty(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed ? trimmed : undefined;
}
