// `chiron check`: the compatibility checklist over workflow folders, and then, unless told not to, a real load of them. Nothing of the
// project's store is opened or made.
import fs from "node:fs";
import type { Command } from "commander";
import { check, checkFails, checkSummary, type CheckFinding, type CheckReport } from "../catalog/check.ts";
import { ChironError } from "../core/errors.ts";
import type { Problem } from "../ports/host.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { printable, type Output } from "./output.ts";
import { withScratchRuntime } from "./scratch-runtime.ts";
import { shownPath } from "./workflows.ts";

interface CheckOptions extends CommonOptions {
  readonly strict?: boolean;
  /** Undefined: nothing was said. */
  readonly import?: boolean;
}

const FAILED_EXIT = 3;

const EXAMPLES = `
Examples:
  $ chiron check                        the project's workflow folders
  $ chiron check flows --strict         warnings fail too: for CI
  $ chiron check flows/report.py --no-import
A line that ends with "# chiron: ignore" or "# chiron: ignore[rule]" is left out. The rules are explained in docs/check.md.`;

export function addCheckCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("check [dirs...]"))
    .description("check workflow files; exit code 3 when something would not work")
    .option("--strict", "warnings fail the check too")
    .option("--import", "load the folders as the engine does, too (the default)")
    .option("--no-import", "read the files only; run none of their code")
    .addHelpText("after", EXAMPLES)
    .action(action<CheckOptions>(deps, checkDirs, (_options, dirs) => (dirs.length > 0 ? { dirs } : {})));
}

async function checkDirs({ wiring, output, config }: CommandContext, options: CheckOptions): Promise<number> {
  const missing = config.dirs.filter((dir) => !fs.existsSync(dir));
  if (missing.length === config.dirs.length) {
    throw new ChironError("not_found", `there is no ${missing.map((dir) => shownPath(dir, config.root)).join(", ")}`, {
      hint: 'Name the folders: chiron check DIR…; or make one with "chiron init".',
    });
  }
  const present = config.dirs.filter((dir) => fs.existsSync(dir));
  const read = await check((dirs) => wiring.analyse(config, dirs), present, {
    ...config.schedules,
    now: Date.now(),
  });
  // A single file has no folder of its own to be loaded from.
  const folders = present.filter((dir) => fs.statSync(dir).isDirectory());
  const imports = options.import !== false && folders.length > 0;
  const problems = imports
    ? await withScratchRuntime(wiring, { ...config, dirs: folders }, ({ catalog }) => catalog.current().problems)
    : [];
  const report = withProblems(read, problems);
  const failed = checkFails(report, options.strict === true);
  if (output.json) output.printJson(jsonOf(report, { failed, imports, dirs: present }));
  else {
    print(output, report, config.root);
    for (const dir of missing) output.note(`skipped ${shownPath(dir, config.root)}: it does not exist`);
    output.note(imports ? "checked: the text of the files, and that they load" : "checked: the text of the files only");
  }
  return failed ? FAILED_EXIT : 0;
}

/** The report with what loading added: a problem at a line that has an error already is that error seen twice. */
export function withProblems(report: CheckReport, problems: readonly Problem[]): CheckReport {
  const told = (problem: Problem): boolean =>
    report.findings.some(
      (finding) =>
        finding.path === problem.path &&
        (finding.message === problem.message ||
          (finding.severity !== "info" && problem.line !== null && finding.line === problem.line)),
    );
  const added = problems.filter((problem) => !told(problem)).map(findingOf);
  if (added.length === 0) return report;
  const counts = { ...report.counts };
  for (const finding of added) counts[finding.severity] += 1;
  const findings = [...report.findings, ...added].sort(
    (a, b) => a.path.localeCompare(b.path) || a.line - b.line || a.column - b.column,
  );
  return { ...report, findings, counts };
}

function findingOf({ path: file, line, kind, message, severity, workflowName }: Problem): CheckFinding {
  const place = { path: file, line: line ?? 1, column: 1 };
  const name = workflowName === undefined ? {} : { workflow_name: workflowName };
  return { ...place, rule: kind, severity, message, fix: "", ...name };
}

interface Outcome {
  readonly failed: boolean;
  readonly imports: boolean;
  readonly dirs: readonly string[];
}

function jsonOf(report: CheckReport, { failed, imports, dirs }: Outcome): object {
  const { files, counts, findings } = report;
  return { ok: !failed, ...(failed ? { code: "check_failed" } : {}), dirs, files, imported: imports, counts, findings };
}

const STYLES = { error: "red", warning: "yellow", info: "blue" } as const;

function print(output: Output, report: CheckReport, root: string): void {
  for (const { path: file, line, severity, rule, message, fix } of report.findings) {
    const place = `${shownPath(file, root)}:${line}`;
    output.print(
      `${printable(place)}: ${output.style(STYLES[severity], severity)} ${output.style("bold", rule)} ${printable(message)}`,
    );
    if (fix !== "") output.print(`    ${printable(fix).replaceAll("\n", "\n    ")}`);
  }
  output.print(checkSummary(report));
}
