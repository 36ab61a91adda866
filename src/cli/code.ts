// `chiron code`: the code that runs ran on, as the store keeps it, and how two generations of it differ.
import type { Command } from "commander";
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from "diff";
import type { Client } from "./client.ts";
import {
  findGeneration,
  listGenerations,
  readSource,
  shortGeneration,
  type WireGenerationDetail,
  type WireGenerationUse,
} from "./code-ref.ts";
import {
  action,
  wholeNumber,
  withCommonOptions,
  type CommandContext,
  type CommandDeps,
  type CommonOptions,
} from "./command.ts";
import { printable, type Output } from "./output.ts";
import { moment, relative } from "./when.ts";
import { withClient } from "./with-client.ts";
import { shownPath } from "./workflows.ts";

interface ListOptions extends CommonOptions {
  readonly limit: string;
}

const MOST = 1_000;

export function addCodeCommands(program: Command, deps: CommandDeps): void {
  const code = program
    .command("code")
    .description("the code that runs ran on, as it was then")
    .addHelpText("after", "\nExample:\n  $ chiron code list");
  withCommonOptions(code.command("list"))
    .description("list the generations of code that are kept, and what uses them")
    .option("--limit <n>", "how many, newest first", "20")
    .addHelpText("after", "\nExample:\n  $ chiron code list --limit 5")
    .action(action<ListOptions>(deps, list));
  withCommonOptions(code.command("show <generation>"))
    .description("show a generation: its folders, files and workflows")
    .addHelpText("after", "\nExamples:\n  $ chiron code show newest\n  $ chiron code show 8c1f0a55d2e9")
    .action(action<CommonOptions>(deps, (context, options, [id]) => show(context, options, id!)));
  withCommonOptions(code.command("cat <generation> <file>"))
    .description("print a file as it was; the end of its path is enough")
    .addHelpText("after", "\nExample:\n  $ chiron code cat newest workflows/hello.py")
    .action(action<CommonOptions>(deps, (context, options, [id, file]) => cat(context, options, id!, file!)));
  withCommonOptions(code.command("diff <from> [to]"))
    .description("show what changed from one generation to another (default: the newest)")
    .addHelpText(
      "after",
      "\nExamples:\n  $ chiron code diff 8c1f0a55d2e9\n  $ chiron code diff 8c1f0a55d2e9 41d0c7e3b6aa",
    )
    .action(
      action<CommonOptions>(deps, (context, options, [from, to]) => diff(context, options, from!, to ?? "newest")),
    );
}

async function list(context: CommandContext, options: ListOptions): Promise<void> {
  const limit = wholeNumber(options.limit, "--limit", 1, MOST);
  const { output } = context;
  await withClient(context, options, false, async (client) => {
    const generations = await listGenerations(client, limit);
    if (output.json) return output.printJson({ ok: true, generations });
    if (generations.length === 0) return output.note("no code is kept yet: it is from the first start on");
    const now = client.now();
    output.table(
      ["GENERATION", "", "WORKFLOWS", "FILES", "RUNS", "UNFINISHED", "FIRST SERVED", "LAST SERVED"],
      generations.map((one) => rowOf(one, now)),
    );
  });
}

function rowOf(one: WireGenerationUse, now: number): string[] {
  const { workflows, files, runs, unfinished } = one;
  return [
    shortGeneration(one.id),
    one.serving ? "serves" : "",
    ...[workflows, files, runs, unfinished].map(String),
    relative(one.first_served_at, now),
    relative(one.last_served_at, now),
  ];
}

async function show(context: CommandContext, options: CommonOptions, id: string): Promise<void> {
  const { output, config } = context;
  await withClient(context, options, false, async (client) => {
    const generation = await findGeneration(client, id);
    if (output.json) return output.printJson({ ok: true, generation });
    const now = client.now();
    const shown = (file: string): string => printable(shownPath(file, config.root));
    output.print(output.style("bold", generation.id));
    output.print(
      `served    ${moment(generation.first_served_at, now)}, last ${moment(generation.last_served_at, now)}`,
    );
    output.print(`versions  Chiron ${generation.chiron_version}, Python ${generation.python_version}`);
    output.print(`folders   ${generation.dirs.map(shown).join(", ")}`);
    const names = new Map(Object.entries(generation.workflows).map(([name, file]) => [file, name]));
    output.print("");
    output.table(
      ["FILE", "WORKFLOW", "SHA-256"],
      generation.files.map(({ path, sha256 }) => [shown(path), names.get(path) ?? "", sha256.slice(0, 12)]),
    );
  });
}

async function cat(context: CommandContext, options: CommonOptions, id: string, file: string): Promise<void> {
  const { output } = context;
  await withClient(context, options, false, async (client) => {
    const generation = await findGeneration(client, id);
    const text = await readSource(client, generation, file);
    if (output.json) return output.printJson({ ok: true, generation: generation.id, file, text });
    // As it is for a pipe or a file; a terminal gets no control characters.
    for (const line of text.replace(/\n$/, "").split("\n")) output.print(process.stdout.isTTY ? printable(line) : line);
  });
}

interface Change {
  readonly path: string;
  readonly change: "added" | "changed" | "removed";
  readonly patch: string;
}

async function diff(context: CommandContext, options: CommonOptions, from: string, to: string): Promise<void> {
  const { output } = context;
  await withClient(context, options, false, async (client) => {
    const [before, after] = await Promise.all([findGeneration(client, from), findGeneration(client, to)]);
    const changes = await changesOf(client, before, after);
    if (output.json) return output.printJson({ ok: true, from: before.id, to: after.id, changes });
    if (changes.length === 0) return output.note("the same code");
    for (const { patch } of changes) printPatch(output, patch);
  });
}

async function changesOf(client: Client, before: WireGenerationDetail, after: WireGenerationDetail): Promise<Change[]> {
  const old = new Map(before.files.map(({ path, sha256 }) => [path, sha256]));
  const now = new Map(after.files.map(({ path, sha256 }) => [path, sha256]));
  const paths = [...new Set([...old.keys(), ...now.keys()])].toSorted();
  const changes: Change[] = [];
  for (const path of paths) {
    if (old.get(path) === now.get(path)) continue;
    const was = old.has(path) ? await readSource(client, before, path) : "";
    const is = now.has(path) ? await readSource(client, after, path) : "";
    const change = !old.has(path) ? "added" : !now.has(path) ? "removed" : "changed";
    const [from, to] = [shortGeneration(before.id), shortGeneration(after.id)];
    const patch = createTwoFilesPatch(path, path, was, is, from, to, { headerOptions: FILE_HEADERS_ONLY });
    changes.push({ path, change, patch });
  }
  return changes;
}

function printPatch(output: Output, patch: string): void {
  for (const line of patch.trimEnd().split("\n")) {
    const text = printable(line);
    if (line.startsWith("+++") || line.startsWith("---")) output.print(output.style("bold", text));
    else if (line.startsWith("+")) output.print(output.style("green", text));
    else if (line.startsWith("-")) output.print(output.style("red", text));
    else if (line.startsWith("@@")) output.print(output.style("cyan", text));
    else output.print(text);
  }
}
