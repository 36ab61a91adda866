// One call of a tool, read from the arguments of ctx.call_tool.
import { ChironError } from "../../core/errors.ts";
import { NULL_JSON, parseJson, sliceMembers, type JsonText } from "../../core/json-text.ts";
import { isObject, readArguments, requireText } from "../arguments.ts";

export interface ToolCall {
  readonly tool: string;
  readonly method: string;
  /** One JSON object. */
  readonly args: JsonText;
  /** `tool github.search`, for messages. */
  readonly what: string;
}

/** Tools and methods become parts of paths and command lines. */
const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.:-]{0,199}$/u;

/** Throws ChironError bad_request. */
export function readToolCall(text: JsonText): ToolCall {
  const fields = readArguments(text);
  const tool = requireText(fields, "call_tool", "tool");
  const method = requireText(fields, "call_tool", "method");
  for (const name of [tool, method]) {
    if (!NAME.test(name)) throw new ChironError("bad_request", `call_tool: ${JSON.stringify(name)} is not a name`);
  }
  const what = `tool ${tool}.${method}`;
  const sent = sliceMembers(text).get("args") ?? NULL_JSON;
  if (sent === NULL_JSON) return { tool, method, args: "{}" as JsonText, what };
  if (!isObject(parseJson(sent))) throw new ChironError("bad_request", `${what}: its arguments must be an object`);
  return { tool, method, args: sent, what };
}

/** Of a failed answer, in the error. */
const SHOWN_LENGTH = 500;

/** An answer's beginning, on one line; of a page of HTML its text. */
export function shownAnswer(answer: string): string {
  const isPage = /^\s*<(?:!doctype|html)/i.test(answer);
  const text = isPage ? answer.replace(/<(script|style)[\s\S]*?<\/\1>|<[^>]*>/gi, " ") : answer;
  const line = text.replace(/\s+/g, " ").trim();
  const cut = line.length > SHOWN_LENGTH ? `${line.slice(0, SHOWN_LENGTH)}…` : line;
  return isPage ? `a page of HTML: ${cut}` : cut === "" ? "nothing" : cut;
}

/** An answer that must be JSON, as it came. Throws ChironError upstream that shows it. */
export function jsonAnswer(answer: string, what: string, by: string): JsonText {
  try {
    JSON.parse(answer);
  } catch (cause) {
    throw new ChironError("upstream", `${what}: ${by} did not answer with JSON but with ${shownAnswer(answer)}`, {
      cause,
    });
  }
  return answer.trim() as JsonText;
}
