// What one run's log lines and events look like on a terminal.
import { formatDuration } from "../core/duration.ts";
import { sliceMembers, type JsonText } from "../core/json-text.ts";
import { printable } from "./output.ts";
import { valueText } from "./value-text.ts";
import { relative } from "./when.ts";

export interface LineOfLog {
  readonly level: string;
  readonly source: string;
  readonly message: string;
}

/** Of one field; the whole of it is in --json and in the log of the API. */
const FIELD_LENGTH = 200;

/** What was logged beside the message, each as name=value: " total=12 customer=ada". A level stands before the line. */
export function fieldsText(fields: JsonText | null | undefined): string {
  if (!fields?.startsWith("{")) return "";
  const text = (value: JsonText): string => (/^"[^\s"\\=]+"$/.test(value) ? value.slice(1, -1) : value);
  return [...sliceMembers(fields)]
    .filter(([name]) => name !== "level")
    .map(([name, value]) => ` ${printable(name)}=${valueText(text(value), FIELD_LENGTH)}`)
    .join("");
}

/** A log line; the lines of a longer text stay together under it. */
export function logLine({ level, source, message }: LineOfLog, fields?: JsonText): string {
  const mark = level === "error" || level === "warn" ? `${level} ` : "";
  const from = source === "log" ? "" : `${source} `;
  return `  ${from}${mark}│ ${printable(message.trimEnd()).replaceAll("\n", "\n  │ ")}${fieldsText(fields)}`;
}

/** One event of the stream as a line, or null when another line says it. */
export function eventLine(type: string, data: Readonly<Record<string, unknown>>, now: number): string | null {
  const text = (name: string): string => {
    const value = data[name] ?? "";
    return printable(typeof value === "string" ? value : JSON.stringify(value));
  };
  switch (type) {
    case "state": {
      const wakes = data["wake_at"] === null ? "" : `, wakes ${relative(text("wake_at"), now)}`;
      return data["status"] === "sleeping" ? `☾ sleeping${wakes}` : null;
    }
    case "run.started":
      return Number(data["attempt"]) > 1 ? `▶ attempt ${text("attempt")} started` : "▶ started";
    case "run.step":
      return `· ${text("step")} (${formatDuration(Number(data["duration_ms"]))})`;
    case "run.sleeping": {
      const wakes = data["wake_at"] === null ? "" : `, wakes ${relative(text("wake_at"), now)}`;
      return `☾ waits at ${printable((data["waits"] as readonly string[]).join(", "))}${wakes}`;
    }
    case "run.completed":
      return "✔ completed";
    case "run.cancelled":
      return "■ cancelled";
    case "run.failed": {
      const next =
        data["next_attempt_at"] === null ? "no attempt left" : `next attempt ${relative(text("next_attempt_at"), now)}`;
      return `✘ attempt ${text("attempt")} failed: ${text("name")}: ${text("message")} (${next})`;
    }
    case "run.released":
      return `↩ given back: ${text("reason")}`;
    case "run.lost":
      return `! stopped: ${text("reason")}`;
    default:
      return null;
  }
}
