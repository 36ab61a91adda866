// `chiron hooks lint`: fixture files that hold secrets, for a commit hook and a CI job.
import fs from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { ChironError, errorInfo, messageOf } from "../core/errors.ts";
import { lintText } from "../webhooks/fixture-lint.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { printable } from "./output.ts";

const EXAMPLES = `
Examples:
  $ chiron hooks lint                      fixtures/, scenarios/ and every *.delivery.json and *.scenario.* below
  $ chiron hooks lint tests/hooks --json
Exit code 3: something that looks like a secret was found. What holds FAKE in it is a stand-in.`;

/** Folders that are looked through whole; elsewhere only files that are certainly fixtures. */
const WHOLE = ["fixtures", "scenarios", "recordings"];
const FIXTURE = /\.(?:delivery\.json|scenario\.(?:ya?ml|json))$/;
const NEVER = new Set(["node_modules", "__pycache__"]);
/** Larger ones are no fixtures of one delivery. */
const MOST_BYTES = 8 * 1_048_576;

export function addHookLintCommand(hooks: Command, deps: CommandDeps): void {
  withCommonOptions(hooks.command("lint [paths...]"))
    .description("find secrets in fixture files: token shapes, fields that tell, and this project's own secrets")
    .addHelpText("after", EXAMPLES)
    .action(action<CommonOptions>(deps, async (context, _options, paths) => lint(context, paths)));
}

function lint({ output, config }: CommandContext, paths: readonly string[]): number {
  const files = paths.length > 0 ? paths.flatMap((one) => filesIn(path.resolve(config.root, one))) : usual(config.root);
  const findings = files.flatMap((file) =>
    lintText(readText(file), config.secrets).map((one) => ({ file: path.relative(config.root, file), ...one })),
  );
  if (output.json) output.printJson({ ok: findings.length === 0, files: files.length, findings });
  else {
    for (const { file, line, what } of findings) output.print(`${printable(file)}:${line}: ${what}`);
    const count = `${files.length} ${files.length === 1 ? "file" : "files"}`;
    output.note(findings.length === 0 ? `no secrets in ${count}` : `${findings.length} in ${count}`);
    if (findings.length > 0)
      output.note(
        'replace them, or record the delivery anew with "chiron hooks record"; rotate what was pushed already',
      );
  }
  return findings.length === 0 ? 0 : errorInfo("check_failed").exit;
}

function usual(root: string): string[] {
  const whole = WHOLE.map((name) => path.join(root, name)).filter((folder) => fs.existsSync(folder));
  return [...new Set([...whole.flatMap(filesIn), ...filesIn(root).filter((file) => FIXTURE.test(file))])];
}

/** Text files below a folder, hidden ones and dependencies left out; a file stands for itself. Throws not_found. */
function filesIn(place: string): string[] {
  const found = fs.statSync(place, { throwIfNoEntry: false });
  if (!found) throw new ChironError("not_found", `there is no ${place}`);
  if (!found.isDirectory()) return [place];
  return fs
    .readdirSync(place, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith(".") && !NEVER.has(name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const file = path.join(place, entry.name);
      if (entry.isDirectory()) return filesIn(file);
      return entry.isFile() && fs.statSync(file).size <= MOST_BYTES ? [file] : [];
    });
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    throw new ChironError("bad_request", `${file} cannot be read: ${messageOf(error)}`);
  }
}
