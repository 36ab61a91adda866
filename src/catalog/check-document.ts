// The document that the static analysis prints, read with suspicion: another program wrote it, perhaps another version.
import { ChironError } from "../core/errors.ts";

export interface CheckFinding {
  readonly path: string;
  /** Line and column count from 1. */
  readonly line: number;
  readonly column: number;
  readonly rule: string;
  readonly severity: "error" | "warning" | "info";
  readonly message: string;
  /** What to write instead. */
  readonly fix: string;
  readonly workflow_name?: string;
}

/** A SCHEDULE, or one entry of WEBHOOKS, that is a literal. */
export interface Declaration {
  readonly kind: "schedule" | "webhook";
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly workflow_name: string;
  readonly value: unknown;
}

export interface Analysis {
  readonly files: number;
  readonly findings: readonly CheckFinding[];
  readonly declarations: readonly Declaration[];
}

export function readAnalysis(text: string): Analysis {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw unreadable(`it is not JSON: ${text.slice(0, 200)}`, cause);
  }
  if (!isRecord(document) || typeof document["files"] !== "number") throw unreadable("it has no count of files");
  const { files, findings, declarations = [] } = document;
  if (!Array.isArray(findings) || !findings.every(isFinding)) throw unreadable("its findings are malformed");
  if (!Array.isArray(declarations) || !declarations.every(isDeclaration)) {
    throw unreadable("its declarations are malformed");
  }
  return { files, findings, declarations };
}

/** By path, line, column, then rule. */
export function compareFindings(a: CheckFinding, b: CheckFinding): number {
  return compare(a.path, b.path) || a.line - b.line || a.column - b.column || compare(a.rule, b.rule);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function unreadable(why: string, cause?: unknown): ChironError {
  return new ChironError("host_failed", `the static analysis gave an unreadable answer: ${why}`, {
    cause,
    hint: "Check that the interpreter is CPython 3.10 or newer (see chiron doctor).",
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPlaced(value: Record<string, unknown>): boolean {
  return typeof value["path"] === "string" && Number.isInteger(value["line"]) && Number.isInteger(value["column"]);
}

function isFinding(value: unknown): value is CheckFinding {
  if (!isRecord(value) || !isPlaced(value)) return false;
  const texts = [value["rule"], value["message"], value["fix"], value["workflow_name"] ?? ""];
  const known = ["error", "warning", "info"].includes(value["severity"] as string);
  return known && texts.every((text) => typeof text === "string");
}

function isDeclaration(value: unknown): value is Declaration {
  if (!isRecord(value) || !isPlaced(value)) return false;
  return (value["kind"] === "schedule" || value["kind"] === "webhook") && typeof value["workflow_name"] === "string";
}
