// ctx.call_tool (reference behaviour, section 8.3): stubs where the project asks for them, else the first of local tools, the centaur-tools
// program, the tool API proxy and the built-in time.now that has the tool. Nothing here is recorded or repeated: see recordings.
import { ChironError } from "../../core/errors.ts";
import { toJsonText, type JsonText } from "../../core/json-text.ts";
import { toolCallKey } from "../../core/keys.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EffectContext, EffectHandler, EffectNature } from "../../ports/effects.ts";
import type { LocalTool } from "../../ports/host.ts";
import { findProgram, runProgram } from "./run-program.ts";
import { askToolApi } from "./tool-api.ts";
import { jsonAnswer, readToolCall, shownAnswer, type ToolCall } from "./tool-call.ts";
import { ToolStubs, type StubAnswer } from "./tool-stubs.ts";

export interface ToolSettings {
  /** stubs: nothing but stubs and time.now answers. */
  readonly mode: "live" | "stubs";
  /** Absolute path of the stub file, if there is one. */
  readonly stubs: string | undefined;
  readonly apiUrl: string | undefined;
  /** Name or path of the program; null: it is not asked. */
  readonly program: string | null;
  readonly timeoutMs: number;
}

export interface ToolDeps {
  readonly clock: Clock;
  readonly settings: ToolSettings;
  /** What the program gets as its environment. */
  readonly env: Readonly<Record<string, string>>;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Who answers a call. */
interface Source {
  readonly nature: EffectNature;
  readonly by: string;
  answer(call: ToolCall, context: EffectContext): Promise<JsonText>;
}

/** All tools that a workflow may call. */
export function createTools(deps: ToolDeps): EffectHandler {
  const { settings } = deps;
  const stubs = settings.stubs === undefined ? null : new ToolStubs(settings.stubs);
  const sourceOf = (call: ToolCall, { local }: Pick<EffectContext, "local">): Source =>
    stubSource(call, stubs) ??
    (settings.mode === "stubs" ? unstubbed(call, deps, stubs) : liveSource(call, local, deps));
  return {
    types: new Set(["ctx.call_tool"]),
    describe(_type, args, context) {
      try {
        const { nature, by } = sourceOf(readToolCall(args), context);
        return { nature, by };
      } catch {
        // The call itself says what is wrong.
        return { nature: "stubbed", by: "nobody" };
      }
    },
    async call(_type, args, context) {
      const call = readToolCall(args);
      return sourceOf(call, context).answer(call, context);
    },
  };
}

function stubSource(call: ToolCall, stubs: ToolStubs | null): Source | null {
  const found = stubs?.find(call) ?? null;
  if (stubs === null || found === null) return null;
  return { nature: "stubbed", by: stubs.file, answer: async () => stubAnswer(found, call, stubs.file) };
}

function stubAnswer(found: StubAnswer, { what }: ToolCall, file: string): JsonText {
  if ("value" in found) return found.value;
  throw new ChironError("upstream", `${what}: ${found.error} (stub of ${file})`);
}

function unstubbed(call: ToolCall, deps: ToolDeps, stubs: ToolStubs | null): Source {
  if (isTimeNow(call)) return timeNow(deps.clock);
  const { what, tool, method, args } = call;
  throw new ChironError("not_found", `${what} with ${shownAnswer(args)} is not stubbed`, {
    hint: stubs
      ? `Add "${tool}.${method}:" with an answer to ${stubs.file}.`
      : 'effects.tools is "stubs": name a file in effects.tool_stubs.',
  });
}

function liveSource(call: ToolCall, local: LocalTool | undefined, deps: ToolDeps): Source {
  const { settings, env } = deps;
  if (local && (local.problem !== null || local.methods.includes(call.method))) return localSource(local);
  const program = settings.program === null ? null : findProgram(settings.program, env);
  if (program !== null) return programSource(program, deps);
  if (isTimeNow(call)) return timeNow(deps.clock);
  if (settings.apiUrl !== undefined) return apiSource(settings.apiUrl, deps);
  throw nobody(call, local);
}

function localSource(local: LocalTool): Source {
  return {
    nature: "real",
    by: local.path,
    answer({ what }) {
      if (local.problem === null) return local.perform();
      throw new ChironError("unavailable", `${what} cannot be called: ${local.problem}`);
    },
  };
}

function programSource(program: string, { settings, env }: ToolDeps): Source {
  return {
    nature: "real",
    by: program,
    async answer({ tool, method, args, what }, { signal }) {
      const name = `${what}: ${settings.program}`;
      const end = await runProgram({
        program,
        args: ["call", tool, method, "-"],
        input: args,
        env,
        timeoutMs: settings.timeoutMs,
        maxOutputBytes: MAX_ANSWER_BYTES,
        signal,
        what: name,
      });
      if (end.code !== 0) {
        const said = end.errors || shownAnswer(end.output);
        throw new ChironError("upstream", `${name} ended with ${end.code} and said: ${said}`);
      }
      return end.output.trim() === "" ? ("null" as JsonText) : jsonAnswer(end.output, what, settings.program!);
    },
  };
}

function apiSource(url: string, { clock, settings }: ToolDeps): Source {
  return {
    nature: "real",
    by: url,
    answer: (call, { taskId, ordinal, signal }) =>
      askToolApi({ url, clock, timeoutMs: settings.timeoutMs }, call, toolCallKey(taskId, ordinal), signal),
  };
}

function isTimeNow({ tool, method }: ToolCall): boolean {
  return tool === "time" && method === "now";
}

function timeNow(clock: Clock): Source {
  const now = clock.now();
  const value = toJsonText({ now: new Date(now).toISOString(), unix: Math.floor(now / 1_000) });
  return { nature: "real", by: "built in", answer: async () => value };
}

function nobody({ what, method }: ToolCall, local: LocalTool | undefined): ChironError {
  if (local) {
    const has = `${local.path} defines ${local.methods.join(", ")}`;
    return new ChironError("not_found", `${what} cannot be called: there is no method ${method}; ${has}`);
  }
  return new ChironError(
    "unavailable",
    `${what} cannot be called: no local tool has the name, and no tool API is configured`,
    {
      hint: "Write the function in a file of the folder tools beside the workflows, or set WORKFLOW_TOOL_API_URL to the tool API proxy.",
    },
  );
}
