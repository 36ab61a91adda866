// What a project says about its agents, checked: section [agents] of chiron.toml as the backends read it.

export interface SessionSettings {
  readonly kind: "session";
  /** Undefined: CENTAUR_API_URL is not set either, and a turn fails with that. */
  readonly url: string | undefined;
  readonly key: string | undefined;
  readonly keyVariable: string;
  readonly onHarnessConflict: "reject" | "restart" | undefined;
}

export interface CommandSettings {
  readonly kind: "command";
  readonly command: readonly string[];
  readonly prompt: "stdin" | "argument";
  /** Added when the turn names a model; `{model}` stands for it. */
  readonly modelArguments: readonly string[];
  readonly cwd: string;
  /** The whole environment the program gets, beside CHIRON_… of the turn. */
  readonly env: Readonly<Record<string, string>>;
}

export interface OpenAiSettings {
  readonly kind: "openai";
  readonly baseUrl: string;
  /** Undefined: no variable was named, and none is sent. */
  readonly keyVariable: string | undefined;
  readonly key: string | undefined;
  readonly model: string | undefined;
  readonly system: string | undefined;
}

export interface ScriptSettings {
  readonly kind: "script";
  readonly file: string;
}

export interface LocalSettings {
  readonly kind: "local";
}

export type BackendSettings = SessionSettings | CommandSettings | OpenAiSettings | ScriptSettings | LocalSettings;

export interface AgentSettings {
  readonly backends: Readonly<Record<string, BackendSettings>>;
  /** Name of the backend for harnesses that `harnesses` does not list. */
  readonly backend: string;
  readonly harnesses: Readonly<Record<string, string>>;
  /** Where neither the call nor the run names one. */
  readonly defaultHarness: string;
  /** Whether a run in an agent turn counts against its queue's concurrency. */
  readonly holdSlot: boolean;
  /** Turns under way at a time in this process; more wait. */
  readonly maxTurns: number;
  readonly idleTimeoutMs: number;
  readonly maxDurationMs: number;
  /** Of one turn. */
  readonly maxOutputBytes: number;
}

/** Harnesses of the reference (reference behaviour, section 8.1). */
export const HARNESSES: readonly string[] = ["codex", "amp", "claudecode", "nanocodex", "hermes", "pi", "omp"];

/** Calls that last as long as an agent's turn. */
export const AGENT_CALLS: ReadonlySet<string> = new Set(["ctx.agent_turn", "ctx.run_agents"]);

/** What holds where chiron.toml says nothing (reference behaviour, section 8.1). */
export const AGENT_SETTING_DEFAULTS = {
  backend: "local",
  defaultHarness: "codex",
  holdSlot: true,
  maxTurns: 32,
  idleTimeoutMs: 60_000,
  maxDurationMs: 1_800_000,
  maxOutputBytes: 8 * 1024 * 1024,
} as const;
