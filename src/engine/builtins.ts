// The workflows that need no file (reference behaviour, section 4.6): echo, sleep_echo, agent_turn, tool_and_slack. They stand on the
// same session as Python code, so everything that holds for a run holds for them.
import { parseJson, toJsonText, type JsonText } from "../core/json-text.ts";
import type { GenerationHost, RunEnd, RunSession, RunStart } from "../ports/host.ts";

export const BUILTIN_NAMES: ReadonlySet<string> = new Set(["echo", "sleep_echo", "agent_turn", "tool_and_slack"]);

const DEFAULT_SLEEP_MS = 250;

class Ended extends Error {}

function fields(input: JsonText): Record<string, unknown> {
  const value = parseJson(input);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

async function call(session: RunSession, type: string, ordinal: string, args: JsonText): Promise<JsonText> {
  const answer = await session.call({ type, ordinal, args });
  if (!answer.ok) throw new Error(answer.error);
  return answer.value;
}

/** Once per task, like ctx.step. */
async function step(
  start: RunStart,
  session: RunSession,
  name: string,
  body: () => Promise<JsonText>,
): Promise<JsonText> {
  const recorded = start.recorded.find((one) => one.name === name);
  if (recorded) return recorded.value;
  const value = await body();
  const answer = await session.step({ name, value, durationMs: 0 });
  if (!answer.ok) throw new Ended();
  return answer.kept?.value ?? value;
}

async function sleep(start: RunStart, session: RunSession, name: string, ms: number): Promise<void> {
  if (start.recorded.some((one) => one.name === name)) return;
  const answer = await session.suspend([{ step: name, kind: "sleep", target: null, delayMs: ms }]);
  if ("gone" in answer || answer.suspended) throw new Ended();
}

async function execute(start: RunStart, session: RunSession): Promise<JsonText> {
  const input = fields(start.input);
  switch (start.workflowName) {
    case "echo":
      return start.input;
    case "sleep_echo": {
      const ms = typeof input["sleep_ms"] === "number" && input["sleep_ms"] > 0 ? input["sleep_ms"] : DEFAULT_SLEEP_MS;
      await sleep(start, session, "sleep", ms);
      return start.input;
    }
    case "agent_turn":
      return step(start, session, "agent_turn", () => call(session, "ctx.agent_turn", "native", start.input));
    default: {
      const tool = toJsonText({
        tool: input["tool"] ?? "time",
        method: input["method"] ?? "now",
        args: input["args"] ?? {},
      });
      const answer = await step(start, session, "tool", () => call(session, "ctx.call_tool", "1", tool));
      const post = toJsonText({ channel: input["channel"] ?? "#general", text: input["text"] ?? answer, args: {} });
      const posted = await step(start, session, "slack", () => call(session, "ctx.post_to_slack", "1", post));
      return `{"tool":${answer},"slack":${posted}}` as JsonText;
    }
  }
}

/** The host of the built-in workflows. */
export const BUILTIN_HOST: GenerationHost = {
  generation: { id: "builtin" },
  async run(start, session, signal): Promise<RunEnd> {
    try {
      const value = await execute(start, session);
      return signal.aborted ? { kind: "dropped" } : { kind: "result", value };
    } catch (error) {
      if (error instanceof Ended || signal.aborted) return { kind: "dropped" };
      const message = error instanceof Error ? error.message : String(error);
      return { kind: "error", failure: { name: "RuntimeError", message }, retryable: true };
    }
  },
  retire: () => Promise.resolve(),
  kill: () => Promise.resolve(),
};
