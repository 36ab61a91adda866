// `chiron diff`: two runs side by side. Exits 0 when they got the same, did the same and ended the same, else 1.
import type { Command } from "commander";
import { formatDuration } from "../core/duration.ts";
import type { Client } from "./client.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { printable, type Output } from "./output.ts";
import { resolveRunId, shortId } from "./run-id.ts";
import { cutText, valueText } from "./value-text.ts";
import type { WireChange, WireDiff, WireDiffedStep, WirePair } from "./wire-diff.ts";
import { runPath, type WireFailure } from "./wire-run.ts";
import { withClient } from "./with-client.ts";

/** Not of the table of faults: as diff and grep have it. */
const DIFFERENT = 1;

const EXAMPLES = `
Examples:
  $ chiron diff 3f2a91c07d5e 9be04417aa21     what differed between two tasks
  $ chiron diff 3f2a91c07d5e 9be04417aa21 --json | jq .first_divergence
The id of a run (an attempt) shows its task as it was at that attempt's end.
Exit code: 0 equal, 1 different. Timings and code are shown and do not count.`;

interface DiffOptions extends CommonOptions {
  readonly all?: boolean;
}

export function addDiffCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("diff <a> <b>"))
    .description("compare two runs: input, steps side by side, results, timing, code")
    .option("--all", "show every changed path, not the first five of a value")
    .addHelpText("after", EXAMPLES)
    .action(
      action<DiffOptions>(deps, (context, options, [a, b]) =>
        withClient(context, options, false, (client) => diff(context, client, options, a!, b!)),
      ),
    );
}

async function diff(
  { output }: CommandContext,
  client: Client,
  options: DiffOptions,
  first: string,
  second: string,
): Promise<number> {
  const [a, b] = [await resolveRunId(client, first), await resolveRunId(client, second)];
  const found = await client.get(`${runPath(a, "diff")}?against=${encodeURIComponent(b)}`);
  const answer = found as unknown as WireDiff;
  if (output.json) output.printJson(answer);
  else printDiff(output, answer, options.all ? Infinity : 5);
  return answer.equal ? 0 : DIFFERENT;
}

function printDiff(output: Output, found: WireDiff, most: number): void {
  for (const [letter, side] of [
    ["A", found.a],
    ["B", found.b],
  ] as const) {
    const state = found.status[letter === "A" ? "a" : "b"] ?? "";
    const attempt = side.attempt > 1 ? `, attempt ${side.attempt}` : "";
    const name = printable(side.workflow_name);
    output.print(`${letter}  ${output.style("bold", name)} ${shortId(side.task_id)}${attempt}  ${state}`);
  }
  output.print("");
  if (found.first_divergence === null) output.print(output.style("green", "equal: the same input, steps and end"));
  else output.print(output.style("red", `first difference: ${printable(found.first_divergence.message)}`));
  printChanges(output, "input", found.input.changes, found.input.more, most);
  printSteps(output, found.steps, most);
  printChanges(output, "result", found.output.changes, found.output.more, most);
  printFailures(output, found.failure);
  if (found.total_ms.a !== null || found.total_ms.b !== null) {
    output.print(`\ntime: A ${time(found.total_ms.a)}, B ${time(found.total_ms.b)}`);
  }
  printCode(output, found);
}

const MARKS = { same: " ", changed: "~", moved: "↕", only_a: "-", only_b: "+" } as const;
const STYLES = { same: "dim", changed: "yellow", moved: "yellow", only_a: "red", only_b: "green" } as const;

function printSteps(output: Output, steps: readonly WireDiffedStep[], most: number): void {
  if (steps.length === 0) return;
  output.print("");
  output.table(
    ["", "STEP", "KIND", "A", "B", "DIFFERENCE"],
    steps.map((step) => [
      MARKS[step.status],
      cutText(step.other_name === null ? step.name : `${step.name} / ${step.other_name}`, 48),
      cutText(kindText(step.kind), 20),
      time(step.duration_ms.a),
      time(step.duration_ms.b),
      differenceText(step),
    ]),
    (cell, row) => output.style(STYLES[steps[row]!.status], cell),
  );
  for (const step of steps) printChanges(output, step.name, step.changes, step.more, most);
}

function kindText({ a, b }: WirePair<string>): string {
  return a === b || a === null || b === null ? (a ?? b ?? "") : `${a} / ${b}`;
}

function differenceText({ status, changes, more, kind, position }: WireDiffedStep): string {
  if (status === "only_a") return `only in A${position.a ? `, at ${position.a}` : ""}`;
  if (status === "only_b") return `only in B${position.b ? `, at ${position.b}` : ""}`;
  if (status === "moved") return "another place";
  if (status === "same") return "";
  if (changes.length === 0) return `${kind.a} became ${kind.b}`;
  return changes.length === 1 ? changes[0]!.path : `${changes.length}${more ? "+" : ""} paths`;
}

function printChanges(
  output: Output,
  title: string,
  changes: readonly WireChange[],
  more: boolean,
  most: number,
): void {
  if (changes.length === 0) return;
  output.print(`\n${output.style("bold", printable(title))}`);
  for (const { path, before, after } of changes.slice(0, most)) {
    output.print(`  ${printable(path)}`);
    if (before !== null) output.print(output.style("red", `    - ${valueText(before)}`));
    if (after !== null) output.print(output.style("green", `    + ${valueText(after)}`));
  }
  const rest = changes.length - Math.min(most, changes.length);
  if (rest > 0) output.print(`  … ${rest} more; --all shows them`);
  else if (more) output.print("  … and more than are compared");
}

function printFailures(output: Output, { a, b }: WirePair<WireFailure>): void {
  if (a === null && b === null) return;
  output.print(`\n${output.style("bold", "failure")}`);
  const text = (failure: WireFailure | null): string =>
    failure === null ? "none" : cutText(`${failure.name}: ${failure.message}`, 300);
  output.print(`  A ${text(a)}`);
  output.print(`  B ${text(b)}`);
}

function printCode(output: Output, { code, a, b }: WireDiff): void {
  if (code === null) return output.print("code: not kept for both");
  if (code.length === 0) return output.print("code: the same files");
  output.print(`code: ${code.length} ${code.length === 1 ? "file differs" : "files differ"}`);
  const marks = { added: "+", removed: "-", changed: "~" } as const;
  for (const { path, change } of code) output.print(`  ${marks[change]} ${printable(path)}`);
  if (a.generation && b.generation) {
    output.print(`  see: chiron code diff ${a.generation.slice(0, 12)} ${b.generation.slice(0, 12)}`);
  }
}

function time(ms: number | null): string {
  return ms === null ? "-" : formatDuration(ms);
}
