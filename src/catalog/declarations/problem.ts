// What is wrong with a declaration: said once, and read by discovery (as a Problem) and by `chiron check` (which also shows the fix).
// A declaration is whatever a file made of it, so the readers here take `unknown` and never throw.
import type { DiscoveredWorkflow, Problem } from "../../ports/host.ts";

export interface DeclarationProblem extends Problem {
  readonly kind: "webhook" | "schedule";
  /** What to write instead. */
  readonly fix: string;
}

/** A reason with its remedy, before it is known whose it is. */
export interface Flaw {
  readonly severity: "error" | "warning";
  readonly message: string;
  readonly fix: string;
}

export type Fields = Readonly<Record<string, unknown>>;

export const error = (message: string, fix: string): Flaw => ({ severity: "error", message, fix });
export const warning = (message: string, fix: string): Flaw => ({ severity: "warning", message, fix });

export function problemOf(
  workflow: Pick<DiscoveredWorkflow, "sourcePath" | "workflowName" | "lines">,
  kind: DeclarationProblem["kind"],
  flaw: Flaw,
): DeclarationProblem {
  const line = workflow.lines?.[kind] ?? null;
  return { path: workflow.sourcePath, line, kind, workflowName: workflow.workflowName, ...flaw };
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Slugs and schedule ids. */
export const ID_PATTERN = /^[a-z0-9][a-z0-9._-]{0,127}$/;

/** A value as a message may show it: short, on one line. */
export function shown(value: unknown): string {
  const text = jsonOf(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? typeof value;
  } catch {
    // It contains itself, or something JSON has no word for.
    return typeof value;
  }
}
