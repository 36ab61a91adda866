// Who answers the agents' turns of a project, in one line for a person.
import path from "node:path";
import type { AgentSettings, BackendSettings } from "../effects/agents/settings.ts";

/** The backend of all harnesses, then those with one of their own. */
export function agentSummary({ backend, backends, harnesses }: AgentSettings): string {
  const special = Object.entries(harnesses).map(([harness, name]) => `${harness}: ${shown(name, backends[name]!)}`);
  return [shown(backend, backends[backend]!), ...special].join(", ");
}

function shown(name: string, one: BackendSettings): string {
  switch (one.kind) {
    case "local":
      return "a local stand-in answers, no agent is asked";
    case "session":
      return `${name} (session at ${one.url ?? "no address"})`;
    case "command":
      return `${name} (command ${one.command[0]})`;
    case "openai":
      return `${name} (openai at ${one.baseUrl})`;
    case "script":
      return `${name} (script ${path.basename(one.file)})`;
  }
}
