// `chiron workflows`: what the folders declare, and what in them does not load.
import path from "node:path";
import type { Command } from "commander";
import { formatDuration } from "../core/duration.ts";
import { ChironError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { inputFields, sampleInput, type InputField } from "./input-fields.ts";
import { printable, type Output } from "./output.ts";
import { cutText } from "./value-text.ts";
import type { WireCatalog, WireProblem, WireSchedule, WireWorkflow } from "./wire-catalog.ts";
import { withClient } from "./with-client.ts";

export function addWorkflowsCommands(program: Command, deps: CommandDeps): void {
  const workflows = program
    .command("workflows")
    .description("what the workflow folders declare")
    .addHelpText("after", "\nExample:\n  $ chiron workflows list");
  withCommonOptions(workflows.command("list"))
    .description("list workflows with their webhooks and schedules, and files that do not load")
    .addHelpText("after", "\nExamples:\n  $ chiron workflows list\n  $ chiron workflows list --json | jq '.problems'")
    .action(action<CommonOptions>(deps, list));
  withCommonOptions(workflows.command("show <name>"))
    .description("show one workflow: its input fields and how to run it")
    .addHelpText("after", "\nExample:\n  $ chiron workflows show hello")
    .action(action<CommonOptions>(deps, (context, options, [name]) => show(context, options, name!)));
}

async function list(context: CommandContext, options: CommonOptions): Promise<void> {
  const { output, config } = context;
  await withClient(context, options, true, async (client) => {
    const text = await (await client.open("/api/workflows")).text();
    if (output.json) return output.print(text);
    const catalog = JSON.parse(text) as WireCatalog;
    const shown = (file: string): string => shownPath(file, config.root);
    if (catalog.workflows.length === 0) output.note(`no workflows in ${config.dirs.map(shown).join(", ")}`);
    else {
      output.table(
        ["WORKFLOW", "FILE", "WEBHOOKS", "SCHEDULES", "DESCRIPTION"],
        catalog.workflows.map((workflow) => [
          workflow.current ? workflow.workflow_name : `${workflow.workflow_name} (older version)`,
          shown(workflow.source_path),
          namesOf(catalog.webhooks, workflow.workflow_name, ({ slug }) => slug),
          namesOf(catalog.schedules, workflow.workflow_name, scheduleText),
          cutText(workflow.description ?? "", 60),
        ]),
      );
    }
    printProblems(output, catalog.problems, config.root);
  });
}

function namesOf<T extends { readonly workflow_name: string }>(
  entries: readonly T[],
  workflowName: string,
  say: (entry: T) => string,
): string {
  return entries
    .filter((entry) => entry.workflow_name === workflowName)
    .map(say)
    .join(", ");
}

function scheduleText({ kind, timezone, enabled }: WireSchedule): string {
  const when =
    kind.type === "cron" ? `${kind.cron} ${timezone}` : `every ${formatDuration((kind.interval_seconds ?? 0) * 1_000)}`;
  return enabled ? when : `${when} (off)`;
}

/** Files outside the project keep their whole path. */
export function shownPath(file: string, root: string): string {
  const shown = path.relative(root, file);
  return shown === "" ? "." : shown.startsWith("..") ? file : shown;
}

/** What does not load, where, and what that means; a blank line above. */
export function printProblems(output: Output, problems: readonly WireProblem[], root: string): void {
  if (problems.length === 0) return;
  output.print("");
  for (const { path: file, line, severity, kind, message } of problems) {
    const place = `${shownPath(file, root)}${line === null ? "" : `:${line}`}`;
    const mark = output.style(severity === "error" ? "red" : "yellow", severity);
    output.print(`${printable(place)}: ${mark} ${kind}: ${printable(message)}`);
  }
}

async function show(context: CommandContext, options: CommonOptions, name: string): Promise<void> {
  const { output, config } = context;
  await withClient(context, options, true, async (client) => {
    const catalog = (await client.get("/api/workflows")) as unknown as WireCatalog;
    const workflow = catalog.workflows.find((entry) => entry.workflow_name === name);
    if (!workflow) throw unknown(name, catalog);
    const webhooks = catalog.webhooks.filter((entry) => entry.workflow_name === name);
    const schedules = catalog.schedules.filter((entry) => entry.workflow_name === name);
    const problems = catalog.problems.filter(({ path: file }) => file === workflow.source_path);
    if (output.json) return output.printJson({ ok: true, workflow, webhooks, schedules, problems });
    output.print(output.style("bold", printable(name)));
    if (workflow.description) output.print(printable(workflow.description));
    output.print(`file      ${shownPath(workflow.source_path, config.root)}`);
    if (!workflow.current) output.print("serving   an older version: the file's text does not load");
    for (const webhook of webhooks) output.print(`webhook   POST /api/webhooks/${printable(webhook.slug)}`);
    for (const schedule of schedules) output.print(`schedule  ${printable(scheduleText(schedule))}`);
    printInput(output, workflow);
    printProblems(output, problems, config.root);
  });
}

function printInput(output: Output, workflow: WireWorkflow): void {
  const fields = inputFields(workflow.input_schema);
  if (fields.length > 0) {
    output.print("");
    output.table(["INPUT", "TYPE", "", "DEFAULT"], fields.map(rowOf));
  }
  const input = fields.length > 0 ? ` --input '${sampleInput(fields).replaceAll("'", "'\\''")}'` : "";
  output.print("");
  output.print(`chiron run ${printable(workflow.workflow_name)}${input} --wait`);
}

function rowOf({ name, type, required, defaultText }: InputField): string[] {
  return [name, type, required ? "required" : "", defaultText];
}

function unknown(name: string, { workflows, problems }: WireCatalog): ChironError {
  const near = nearest(
    name,
    workflows.map((entry) => entry.workflow_name),
  );
  const broken = problems.filter((problem) => problem.severity === "error").length;
  const files = broken === 1 ? "1 file does" : `${broken} files do`;
  const hint =
    near.length > 0
      ? `Did you mean ${near.join(", ")}?`
      : broken > 0
        ? `${files} not load; see "chiron workflows list".`
        : 'See "chiron workflows list".';
  return new ChironError("unknown_workflow", `unknown workflow: ${name}`, { hint, details: { nearest: near } });
}
