// A scenario's stand-ins in the forms in which an engine takes them: files for tools and agents, and for each attempt what its steps and
// requests get.
import fs from "node:fs";
import path from "node:path";
import type { RunStart, RunStubs, StepStub } from "../ports/host.ts";
import type { ScenarioStubs } from "./format.ts";

/** Writes the stubs of tools; null: there are none. JSON is YAML. */
export function writeToolStubs({ tools }: ScenarioStubs, dir: string): string | null {
  return tools === undefined ? null : write(path.join(dir, "tools.json"), tools);
}

/** Writes the answers of agents; null: there are none. */
export function writeAgentScript({ agents }: ScenarioStubs, dir: string): string | null {
  return agents === undefined ? null : write(path.join(dir, "agents.json"), { answers: agents });
}

function write(file: string, content: unknown): string {
  fs.writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
  return file;
}

/** What stands in during this attempt; undefined: nothing. */
export function runStubsFor({ steps = {}, http = [] }: ScenarioStubs, { attempt }: RunStart): RunStubs | undefined {
  const names = Object.entries(steps);
  if (names.length === 0 && http.length === 0) return undefined;
  const chosen = names.map(([name, list]): [string, StepStub] => {
    const { result, error } = list[Math.min(attempt, list.length) - 1]!;
    return [name, error === undefined ? { result } : { error }];
  });
  return { steps: Object.fromEntries(chosen), http };
}
