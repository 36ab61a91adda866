// What an agent finally said, out of the lines it wrote. Harnesses that write JSON lines mark their answer; of one that writes plain text
// everything is the answer.
import { isObject } from "../arguments.ts";

/** The marked answer nearest to the end, else the plain lines. */
export function resultTextOf(lines: readonly string[]): string {
  const plain: string[] = [];
  let said: string | null = null;
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    const value = objectOf(lines[index]!);
    if (value === null) plain.unshift(lines[index]!);
    else {
      const final = finalText(value);
      if (final !== null) return final;
      said ??= spokenText(value);
    }
  }
  if (said !== null) return said;
  return (plain.length > 0 ? plain : lines).join("\n").trim();
}

/** What the last line says of a failure that the exit status does not: `is_error` of claude and amp, codex's turn.failed. Null: nothing. */
export function failureIn(lines: readonly string[]): string | null {
  const value = objectOf(lines.findLast((line) => line.trim() !== "") ?? "");
  if (value === null) return null;
  const { type, is_error: isError, subtype, result, error } = value;
  if (type === "result" && isError === true) return textIn(result) ?? textIn(error) ?? textIn(subtype) ?? "is_error";
  if (type !== "turn.failed") return null;
  return (isObject(error) ? textIn(error["message"]) : textIn(error)) ?? "turn.failed";
}

function objectOf(line: string): Record<string, unknown> | null {
  if (!line.trimStart().startsWith("{")) return null;
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** The line that closes a turn: `{"type":"result","result":…}` of claude and amp, codex's task_complete. */
function finalText(value: Readonly<Record<string, unknown>>): string | null {
  if (typeof value["result_text"] === "string") return value["result_text"];
  if (value["type"] === "result" && typeof value["result"] === "string") return value["result"];
  const message = value["msg"];
  if (isObject(message) && message["type"] === "task_complete") return textIn(message["last_agent_message"]);
  return null;
}

/** A line that carries something the agent said: codex's agent_message, claude's assistant message. */
function spokenText(value: Readonly<Record<string, unknown>>): string | null {
  const { item, msg, message, type } = value as { item?: unknown; msg?: unknown; message?: unknown; type?: unknown };
  if (isObject(item) && /^(agent|assistant)_message$/.test(String(item["type"] ?? item["item_type"]))) {
    return textIn(item["text"]);
  }
  if (isObject(msg) && msg["type"] === "agent_message") return textIn(msg["message"]);
  if (type !== "assistant") return null;
  if (!isObject(message)) return textIn(message);
  const parts = Array.isArray(message["content"]) ? message["content"].filter(isObject) : [];
  const texts = parts.filter((part) => part["type"] === "text").map((part) => textIn(part["text"]) ?? "");
  return texts.length > 0 ? texts.join("") : textIn(message["content"]);
}

function textIn(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
