// Which backend serves which harness, as the project's settings say.
import { ChironError } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AgentBackend } from "./backend.ts";
import { createCommandAgent } from "./command-agent.ts";
import { createLocalAgent } from "./local-agent.ts";
import { createOpenAiAgent } from "./openai-agent.ts";
import { createScriptAgent } from "./script-agent.ts";
import { createSessionAgent } from "./session-agent.ts";
import type { AgentSettings, BackendSettings } from "./settings.ts";

export interface Backends {
  of(harness: string): AgentBackend;
}

/** Throws ChironError config_invalid where a name has no backend. */
export function createBackends(settings: AgentSettings, clock: Clock): Backends {
  const made = new Map(
    Object.entries(settings.backends).map(([name, one]) => [name, createBackend(name, one, settings, clock)]),
  );
  const named = (name: string, where: string): AgentBackend => {
    const backend = made.get(name);
    if (backend) return backend;
    throw new ChironError("config_invalid", `${where} names the agent backend ${name}, which is not there`, {
      hint: `Known: ${[...made.keys()].join(", ")}. Others are declared as [agents.backends.NAME].`,
    });
  };
  const fallback = named(settings.backend, "agents.backend");
  const byHarness = new Map(
    Object.entries(settings.harnesses).map(([harness, name]) => [harness, named(name, `agents.harness.${harness}`)]),
  );
  return { of: (harness) => byHarness.get(harness) ?? fallback };
}

function createBackend(name: string, one: BackendSettings, settings: AgentSettings, clock: Clock): AgentBackend {
  const { maxOutputBytes } = settings;
  switch (one.kind) {
    case "session":
      return createSessionAgent(one, maxOutputBytes, clock);
    case "command":
      return createCommandAgent(name, one, maxOutputBytes, clock);
    case "openai":
      return createOpenAiAgent(one, maxOutputBytes, clock);
    case "script":
      return createScriptAgent(one, clock);
    case "local":
      return createLocalAgent();
  }
}
