// What `chiron doctor` asks of the agents: whether every backend that serves a harness has what it needs. Nobody is asked anything.
import fs from "node:fs";
import path from "node:path";
import type { BackendSettings } from "../effects/agents/settings.ts";
import { agentSummary } from "./agent-summary.ts";
import type { Examination } from "./examination.ts";
import { shownPath } from "./workflows.ts";

interface Lack {
  readonly what: string;
  readonly fix: string;
}

export const checkAgents: Examination = ({ config }) => {
  const { backend, backends, harnesses } = config.agents;
  const used = [...new Set([backend, ...Object.values(harnesses)])];
  const lacks = used.flatMap((name) => lackOf(name, backends[name]!, config.root));
  const summary = agentSummary(config.agents);
  const [first] = lacks;
  if (!first) return { name: "agents", status: "ok", message: summary };
  return { name: "agents", status: "warn", message: `${summary}: ${first.what}`, fix: first.fix };
};

function lackOf(name: string, one: BackendSettings, root: string): Lack[] {
  const where = `agents.backends.${name}`;
  switch (one.kind) {
    case "local":
      return [];
    case "session":
      if (one.url !== undefined) return [];
      return [{ what: "there is no address", fix: `Set CENTAUR_API_URL, or ${where}.url in chiron.toml.` }];
    case "command": {
      const program = one.command[0]!;
      if (isProgram(program, one.cwd, one.env["PATH"] ?? "")) return [];
      return [{ what: `${program} is not found`, fix: `Install ${program}, or correct ${where}.command.` }];
    }
    case "openai":
      if (one.keyVariable === undefined || one.key !== undefined) return [];
      return [{ what: `${one.keyVariable} is not set`, fix: `Set ${one.keyVariable}, or change ${where}.key_env.` }];
    case "script":
      if (fs.existsSync(one.file)) return [];
      return [{ what: `${shownPath(one.file, root)} does not exist`, fix: `Write it, or correct ${where}.file.` }];
  }
}

function isProgram(program: string, cwd: string, searched: string): boolean {
  const places = program.includes("/")
    ? [path.resolve(cwd, program)]
    : searched.split(path.delimiter).map((dir) => path.join(dir, program));
  return places.some((place) => {
    try {
      fs.accessSync(place, fs.constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
