// ctx.call_tool: time.now is built in, everything else goes to the tool API proxy (reference behaviour, section 8.3).
import { ChironError, messageOf } from "../../core/errors.ts";
import { NULL_JSON, sliceMembers, toJsonText, type JsonText } from "../../core/json-text.ts";
import type { Clock } from "../../ports/clock.ts";
import type { EffectContext, EffectHandler } from "../../ports/effects.ts";
import { readArguments, requireText } from "../arguments.ts";

/** Of a failed answer, in the error. */
const SHOWN_LENGTH = 500;

export interface ToolDeps {
  readonly clock: Clock;
  readonly toolApiUrl: string | undefined;
}

/** Tools of the tool API, and time.now. */
export function createTools(deps: ToolDeps): EffectHandler {
  return {
    types: new Set(["ctx.call_tool"]),
    describe: () => ({ nature: "real", by: deps.toolApiUrl ?? "built in" }),
    call: (_type, args, context) => callTool(args, context, deps),
  };
}

async function callTool(text: JsonText, context: EffectContext, deps: ToolDeps): Promise<JsonText> {
  const args = readArguments(text);
  const tool = requireText(args, "call_tool", "tool");
  const method = requireText(args, "call_tool", "method");
  if (tool === "time" && method === "now") {
    const now = deps.clock.now();
    return toJsonText({ now: new Date(now).toISOString(), unix: Math.floor(now / 1_000) });
  }
  if (!deps.toolApiUrl) {
    throw new ChironError("unavailable", `tool ${tool}.${method} cannot be called: no tool API is configured`, {
      hint: "Set WORKFLOW_TOOL_API_URL to the tool API proxy.",
    });
  }
  const sent = sliceMembers(text).get("args") ?? NULL_JSON;
  const url = `${deps.toolApiUrl.replace(/\/+$/, "")}/tools/${encodeURIComponent(tool)}/${encodeURIComponent(method)}`;
  return post(url, sent === NULL_JSON ? ("{}" as JsonText) : sent, `tool ${tool}.${method}`, context.signal);
}

async function post(url: string, body: JsonText, what: string, signal: AbortSignal): Promise<JsonText> {
  let response: Response;
  let answer: string;
  try {
    response = await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" }, signal });
    answer = await response.text();
  } catch (error) {
    throw new ChironError("upstream", `${what}: the tool API did not answer: ${messageOf(error)}`, { cause: error });
  }
  if (!response.ok)
    throw new ChironError(
      "upstream",
      `${what}: the tool API answered ${response.status}: ${answer.slice(0, SHOWN_LENGTH)}`,
    );
  try {
    // Compact, so that the value is one line whatever the proxy's taste in white space.
    return toJsonText(JSON.parse(answer));
  } catch {
    throw new ChironError("upstream", `${what}: the tool API's answer is not JSON: ${answer.slice(0, SHOWN_LENGTH)}`);
  }
}
