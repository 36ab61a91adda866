// `chiron check`: the migration guide's compatibility checklist over workflow folders. The syntax is read by Python (a runner that the
// caller gives, so that nothing is spawned here); SCHEDULE and WEBHOOKS are judged by the readers that serve them, so that what
// passes here is what the catalog takes. What is a failure is decided by `checkFails` alone.
import { ChironError, messageOf } from "../core/errors.ts";
import { type CheckFinding, compareFindings, type Declaration, readAnalysis } from "./check-document.ts";
import type { DeclarationProblem } from "./declarations/problem.ts";
import { type ScheduleOptions, schedulesOf } from "./declarations/schedule.ts";
import { webhooksOf } from "./declarations/webhook.ts";

export type { CheckFinding } from "./check-document.ts";

/** Runs the analysis of some folders and answers its JSON document. */
export type AnalysisRunner = (dirs: readonly string[]) => Promise<string>;

/** Every rule, in the order of docs/check.md, with what it asks. */
export const CHECK_RULES = {
  "workflow-name": "one constant WORKFLOW_NAME of its own, and a handler(inp, ctx)",
  "import-surface": "imports only what the runtime offers",
  "relative-import": "no relative imports in workflow files",
  "missing-package": "third-party packages are installed in the chosen interpreter",
  "unstepped-effect": "effects are behind ctx.step",
  "agent-control-plane": "agents are asked through ctx.agent_turn",
  "pool-without-database": "ctx._pool has a database",
  schedule: "SCHEDULE parses and means the same to every reader",
  webhook: "WEBHOOKS parse, with slugs of their own",
  nondeterminism: "the handler takes the same way on every replay",
  "blocking-call": "the event loop is not held",
  "step-name-reuse": "names in loops tell their item",
} as const satisfies Readonly<Record<string, string>>;

export interface CheckCounts {
  readonly error: number;
  readonly warning: number;
  readonly info: number;
}

export interface CheckReport {
  /** How many files were read. */
  readonly files: number;
  /** By path, then position. */
  readonly findings: readonly CheckFinding[];
  readonly counts: CheckCounts;
}

/** Checks the folders. Throws ChironError host_failed when the analysis did not answer. */
export async function check(
  runner: AnalysisRunner,
  dirs: readonly string[],
  options: ScheduleOptions,
): Promise<CheckReport> {
  let text: string;
  try {
    text = await runner(dirs);
  } catch (cause) {
    if (cause instanceof ChironError) throw cause;
    throw new ChironError("host_failed", `the static analysis failed: ${messageOf(cause)}`, { cause });
  }
  const analysis = readAnalysis(text);
  const findings = [...analysis.findings, ...judge(analysis.declarations, options)].sort(compareFindings);
  return { files: analysis.files, findings, counts: count(findings) };
}

/** Findings on what the files declare, each at the place of its declaration. */
function judge(declarations: readonly Declaration[], options: ScheduleOptions): CheckFinding[] {
  const slugs = new Map<string, { workflowName: string; sourcePath: string }>();
  const ids = new Map<string, { workflowName: string; sourcePath: string }>();
  const findings: CheckFinding[] = [];
  for (const declaration of declarations) {
    const workflow = { workflowName: declaration.workflow_name, sourcePath: declaration.path };
    if (declaration.kind === "webhook") {
      const read = webhooksOf({ ...workflow, webhooks: [declaration.value] }, slugs);
      for (const entry of read.entries) slugs.set(entry.slug, workflow);
      findings.push(...read.problems.map((problem) => at(declaration, problem)));
    } else {
      const read = schedulesOf({ ...workflow, schedule: declaration.value }, ids, options);
      for (const entry of read.entries) ids.set(entry.scheduleId, workflow);
      findings.push(...read.problems.map((problem) => at(declaration, problem)));
    }
  }
  return findings;
}

function at(declaration: Declaration, problem: DeclarationProblem): CheckFinding {
  const { path, line, column, workflow_name } = declaration;
  const { kind, severity, message, fix } = problem;
  return { path, line, column, rule: kind, severity, message, fix, workflow_name };
}

function count(findings: readonly CheckFinding[]): CheckCounts {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const finding of findings) counts[finding.severity] += 1;
  return counts;
}

/** Errors fail a check; under strict, warnings too. */
export function checkFails(report: CheckReport, strict: boolean): boolean {
  return report.counts.error > 0 || (strict && report.counts.warning > 0);
}

/** One line: "13 files: 1 error, 2 warnings, 1 note". */
export function checkSummary(report: CheckReport): string {
  const { error, warning, info } = report.counts;
  const parts = [plural(error, "error"), plural(warning, "warning"), plural(info, "note")];
  const told = parts.filter((part) => !part.startsWith("0 "));
  return `${plural(report.files, "file")}: ${told.length > 0 ? told.join(", ") : "nothing to report"}`;
}

/** Where a rule is explained. */
export function ruleDocs(rule: string): string {
  return `docs/check.md#${rule}`;
}

function plural(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
