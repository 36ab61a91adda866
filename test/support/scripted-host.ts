// A host whose workflows are TypeScript functions on the session: lets engine tests say exactly what a handler does and when.
import { toJsonText } from "../../src/core/json-text.ts";
import type { Runnable, WorkflowNames } from "../../src/engine/names.ts";
import type { GenerationHost, RunEnd, RunSession, RunStart } from "../../src/ports/host.ts";

export type Script = (start: RunStart, session: RunSession, signal: AbortSignal) => Promise<RunEnd>;

export const result = (value: unknown): RunEnd => ({ kind: "result", value: toJsonText(value) });

/** Names that an engine test can change while it runs. */
export class ScriptedNames implements WorkflowNames {
  readonly scripts = new Map<string, Script>();
  loaded = true;

  find(workflowName: string): Runnable | undefined {
    const script = this.scripts.get(workflowName);
    if (!script) return undefined;
    const host: GenerationHost = {
      generation: { id: "scripted" },
      run: script,
      retire: () => Promise.resolve(),
      kill: () => Promise.resolve(),
    };
    return { workflowName, host, inputSchema: null };
  }

  generation(): string {
    return "scripted";
  }

  all(): Iterable<string> {
    return this.scripts.keys();
  }

  ready(): boolean {
    return this.loaded;
  }
}

/** A step as the Python host does it: recorded values answer, new ones are stored before the script goes on. Throws when the run is over. */
export async function step(start: RunStart, session: RunSession, name: string, body: () => unknown): Promise<unknown> {
  const recorded = start.recorded.find((one) => one.name === name);
  if (recorded) return JSON.parse(recorded.value);
  const value = await body();
  const answer = await session.step({ name, value: toJsonText(value), durationMs: 1 });
  if (!answer.ok) throw new Dropped();
  return value;
}

/** A wait as the Python host does it. */
export async function wait(
  start: RunStart,
  session: RunSession,
  waiting: Parameters<RunSession["suspend"]>[0][number],
): Promise<unknown> {
  const recorded = start.recorded.find((one) => one.name === waiting.step);
  if (recorded) return { kind: recorded.kind, value: JSON.parse(recorded.value) };
  const answer = await session.suspend([waiting]);
  if ("gone" in answer || answer.suspended) throw new Dropped();
  const [first] = answer.resolved;
  return { kind: first!.kind, value: JSON.parse(first!.value) };
}

/** The handler's code does not go on. */
export class Dropped extends Error {}

/** Makes a script of a body that may be dropped or throw. */
export function script(body: (start: RunStart, session: RunSession, signal: AbortSignal) => Promise<unknown>): Script {
  return async (start, session, signal) => {
    try {
      return result(await body(start, session, signal));
    } catch (error) {
      if (error instanceof Dropped) return { kind: "dropped" };
      const message = error instanceof Error ? error.message : String(error);
      return { kind: "error", failure: { name: "Error", message }, retryable: true };
    }
  };
}
