// Values of runs on a terminal: one line, harmless, and cut where they get long, with their size told.
import { printable } from "./output.ts";

const KIB = 1_024;

/** "512 B", "3.4 KiB", "12 MiB". */
export function formatBytes(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes / KIB;
  let unit = 0;
  while (value >= KIB && unit < units.length - 1) {
    value /= KIB;
    unit += 1;
  }
  return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ${units[unit]}`;
}

/** A JSON text on one line of at most `limit` characters. */
export function valueText(json: string, limit = 200): string {
  const line = printable(json.replace(/\s*\n\s*/g, " ").replaceAll("\t", " "));
  if (line.length <= limit) return line;
  return `${line.slice(0, limit)}… (${formatBytes(Buffer.byteLength(json))})`;
}

/** A text of one line at most `limit` characters wide. */
export function cutText(text: string, limit: number): string {
  const line = printable(text.replace(/\s+/g, " ").trim());
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`;
}
