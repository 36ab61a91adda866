// How commands speak: results on stdout, everything else on stderr, JSON on request, colours only where a terminal wants them.
import { styleText } from "node:util";
import { ChironError, errorInfo, messageOf } from "../core/errors.ts";

type Style = Parameters<typeof styleText>[0];

export interface Output {
  readonly json: boolean;
  /** A line of the result. */
  print(line: string): void;
  /** The result as one JSON document; call it only when `json`. */
  printJson(value: unknown): void;
  /** A remark for the person: progress, hints. Silent with --json. */
  note(line: string): void;
  /** Rows with aligned columns. `paint` colours a padded cell of a row; it must not change its width. */
  table(
    header: readonly string[],
    rows: readonly (readonly string[])[],
    paint?: (cell: string, row: number, column: number) => string,
  ): void;
  style(style: Style, text: string): string;
  /** Reports an error and answers the exit code. */
  fail(error: unknown): number;
}

// eslint-disable-next-line no-control-regex -- escape sequences are what must not reach the terminal
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text from a run made harmless for a terminal. */
export function printable(text: string): string {
  return text.replace(CONTROL, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

export function createOutput(options: {
  readonly json: boolean;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}): Output {
  const { json, stdout, stderr } = options;
  const style = (format: Style, text: string): string => styleText(format, text, { stream: stdout });
  const print = (line: string): void => void stdout.write(`${line}\n`);
  return {
    json,
    print,
    style,
    printJson: (value) => print(JSON.stringify(value, null, stdout.isTTY ? 2 : 0)),
    note: (line) => {
      if (!json) stderr.write(`${line}\n`);
    },
    table(header, rows, paint = (cell) => cell) {
      const cells = [header, ...rows].map((row) => row.map(printable));
      const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
      cells.forEach((row, index) => {
        const last = row.findLastIndex((cell) => cell !== "");
        const padded = row.slice(0, last + 1).map((cell, column) => cell.padEnd(column === last ? 0 : widths[column]!));
        if (index === 0) print(style("dim", padded.join("  ")));
        else print(padded.map((cell, column) => paint(cell, index - 1, column)).join("  "));
      });
    },
    fail(error) {
      const known = error instanceof ChironError ? error : null;
      const code = known?.code ?? "internal";
      if (json) {
        print(
          JSON.stringify({
            ok: false,
            error: messageOf(error),
            code,
            ...(known?.hint ? { hint: known.hint } : {}),
            ...known?.details,
          }),
        );
      } else {
        stderr.write(`${styleText("red", "error", { stream: stderr })}: ${printable(messageOf(error))}\n`);
        if (known?.hint) stderr.write(`  ${printable(known.hint)}\n`);
        if (!known && error instanceof Error && error.stack) stderr.write(`${error.stack}\n`);
      }
      return errorInfo(code).exit;
    },
  };
}
