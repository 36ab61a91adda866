// A replay as a person reads it: what it came to, then the plan step by step.
import path from "node:path";
import { shortGeneration } from "./code-ref.ts";
import { printable, type Output } from "./output.ts";
import { shortId } from "./run-id.ts";
import { cutText } from "./value-text.ts";

export interface WireDivergence {
  readonly reason: string;
  readonly name: string | null;
  readonly position: string | null;
  readonly message: string;
}

export interface WireReplay {
  readonly task_id: string;
  readonly run_id: string;
  readonly workflow_name: string;
  readonly generation: string;
  readonly plan: readonly {
    readonly name: string;
    readonly kind: string;
    readonly fate: "kept" | "edited" | "redone" | "new" | "skipped";
    readonly seq: number | null;
    readonly position: string | null;
    readonly recorded_position: string | null;
  }[];
  readonly divergence: WireDivergence | null;
  readonly end: {
    readonly kind: string;
    readonly message: string | null;
    readonly failure: { readonly traceback?: string } | null;
    readonly value: unknown;
  };
  readonly logs: readonly { readonly level: string; readonly message: string }[];
}

const SIGN = { kept: "=", edited: "~", redone: "↻", new: "+", skipped: "-" } as const;
const COLOUR = { kept: "dim", edited: "yellow", redone: "cyan", new: "green", skipped: "red" } as const;
const LOG_LINES = 15;
const VALUE_WIDTH = 200;

/** The page of `chiron replay TASK`. Paths are shown relative to `root`. */
export function printReplay(output: Output, replay: WireReplay, root: string): void {
  const { plan, divergence, end, logs, workflow_name, task_id, generation } = replay;
  const name = output.style("bold", printable(workflow_name));
  output.print(`${name}  task ${shortId(task_id)} replayed on ${shortGeneration(generation)}`);
  output.print(
    divergence === null ? output.style("green", "it follows the record") : divergenceText(output, divergence, root),
  );
  output.print("");
  if (plan.length > 0) {
    output.table(
      ["", "#", "NAME", "KIND", "FATE", "AT"],
      plan.map(({ fate, seq, name: step, kind, position, recorded_position: recorded }) => {
        const at = position ?? (fate === "skipped" ? recorded : null);
        return [SIGN[fate], seq === null ? "" : String(seq), step, kind, fate, at === null ? "" : shown(at, root)];
      }),
      (cell, row) => output.style(COLOUR[plan[row]!.fate], cell),
    );
    output.print("");
  }
  output.print(endText(end));
  if (end.failure?.traceback) output.print(printable(end.failure.traceback.trimEnd()).replace(/^/gm, "  "));
  for (const line of logs.slice(-LOG_LINES)) output.print(output.style("dim", `  │ ${printable(line.message)}`));
}

/** One line about where the code leaves the record. */
export function divergenceText(output: Output, { message, position }: WireDivergence, root: string): string {
  const at = position === null ? "" : ` at ${printable(shown(position, root))}`;
  return output.style("red", `it leaves the record${at}: ${printable(message)}`);
}

function endText({ kind, message, value }: WireReplay["end"]): string {
  if (kind === "result") return `the handler returns ${cutText(JSON.stringify(value) ?? "null", VALUE_WIDTH)}`;
  if (kind === "stands") return `the handler ${printable(message ?? "")}; nothing more is recorded`;
  if (kind === "error") return `the handler raises ${printable(message ?? "")}`;
  if (kind === "call") return `stopped at a call: ${printable(message ?? "")}`;
  if (kind === "blocked") return `stopped: ${printable(message ?? "")}`;
  return `not followed further: ${printable(message ?? "")}`;
}

function shown(position: string, root: string): string {
  const relative = path.relative(root, position);
  return relative.startsWith("..") ? position : relative;
}
