// `chiron init`: a folder with a first workflow that runs without any account. Writes only what is not there yet, unless told to.
import fs from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { ChironError, messageOf } from "../core/errors.ts";
import { makeFolder } from "./make-folder.ts";
import { action, withCommonOptions, type CommandDeps, type CommonOptions } from "./command.ts";
import type { Output } from "./output.ts";

interface InitOptions extends CommonOptions {
  readonly force?: boolean;
}

const TEMPLATES = "src/cli/init-templates";

/** Template to target; a template that began with a dot would be taken for this repository's own. */
const FILES = [
  ["workflows/hello.py", "workflows/hello.py"],
  ["chiron.toml", "chiron.toml"],
  ["gitignore", ".gitignore"],
] as const;

const EXAMPLES = `
Examples:
  $ chiron init                here
  $ chiron init flows          in a folder, which is made when it is not there`;

export function addInitCommand(program: Command, deps: CommandDeps): void {
  withCommonOptions(program.command("init [dir]"))
    .description("make a folder with a first workflow")
    .option("--force", "overwrite files that are there")
    .addHelpText("after", EXAMPLES)
    .action(
      action<InitOptions>(deps, async ({ output, wiring }, options, [dir = "."]) => {
        const target = path.resolve(dir);
        const written = init(path.join(wiring.assets, TEMPLATES), target, options.force === true);
        if (output.json) output.printJson({ ok: true, dir: target, files: written });
        else report(output, dir, written);
      }),
    );
}

/** The paths written, relative to `target`. Throws conflict when one exists, before anything is written. */
export function init(templates: string, target: string, force: boolean): string[] {
  // Git keeps the lines of an ignore file that is there; ours are added.
  const present = FILES.map(([, file]) => file).filter(
    (file) => file !== ".gitignore" && fs.existsSync(path.join(target, file)),
  );
  if (present.length > 0 && !force) {
    throw new ChironError("conflict", `${path.join(target, present[0]!)} exists`, {
      hint: "Nothing was written. Name another folder, or overwrite with --force.",
      details: { files: present },
    });
  }
  try {
    for (const [template, file] of FILES) {
      const text = fs.readFileSync(path.join(templates, template), "utf8");
      const to = path.join(target, file);
      makeFolder(path.dirname(to));
      if (file === ".gitignore") addLines(to, text);
      else fs.writeFileSync(to, text);
    }
  } catch (error) {
    throw new ChironError("unavailable", `${target} cannot be written: ${messageOf(error)}`, { cause: error });
  }
  return FILES.map(([, file]) => file);
}

function addLines(file: string, text: string): void {
  const before = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  const known = new Set(before.split("\n").map((line) => line.trim()));
  const missing = text.split("\n").filter((line) => line !== "" && !known.has(line));
  if (missing.length === 0) return;
  const gap = before === "" || before.endsWith("\n") ? "" : "\n";
  fs.writeFileSync(file, `${before}${gap}${missing.join("\n")}\n`);
}

function report(output: Output, dir: string, written: readonly string[]): void {
  for (const file of written) output.print(`wrote ${path.join(dir, file)}`);
  output.print("");
  output.print("Next:");
  const shown = /[^\w./-]/.test(dir) ? `'${dir.replaceAll("'", "'\\''")}'` : dir;
  if (path.resolve(dir) !== process.cwd()) output.print(`  cd ${shown}`);
  output.print("  chiron dev");
  output.print(`  chiron run hello --input '{"name": "Ada"}' --follow     (in a second terminal)`);
  output.print("  then edit workflows/hello.py: saved is served");
}
