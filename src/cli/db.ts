// `chiron db`: a look at the store, and a copy of it. Both work beside a running server and never disturb it.
import fs from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { ChironError } from "../core/errors.ts";
import { STATES } from "../core/states.ts";
import { action, withCommonOptions, type CommandContext, type CommandDeps, type CommonOptions } from "./command.ts";
import { formatBytes } from "./value-text.ts";
import type { StoreReport } from "./wiring.ts";
import { shownPath } from "./workflows.ts";

interface BackupOptions extends CommonOptions {
  readonly force?: boolean;
}

const BACKUP_EXAMPLES = `
Examples:
  $ chiron db backup backups/monday.db
  $ chiron db status --db backups/monday.db      what is in it
To go back: stop the server, move .chiron/chiron.db and its -wal and -shm away, and put the copy in its place.`;

export function addDbCommands(program: Command, deps: CommandDeps): void {
  const db = program
    .command("db")
    .description("look at the store, copy it")
    .addHelpText("after", "\nExample:\n  $ chiron db backup backups/monday.db");
  withCommonOptions(db.command("status"))
    .description("where the store is, how large, and what is in it")
    .addHelpText("after", "\nExample:\n  $ chiron db status --json")
    .action(action<CommonOptions>(deps, status));
  withCommonOptions(db.command("backup <file>"))
    .description("write a consistent copy, also while a server runs")
    .option("--force", "replace the file when it is there")
    .addHelpText("after", BACKUP_EXAMPLES)
    .action(action<BackupOptions>(deps, (context, options, [file]) => backup(context, options, file!)));
}

async function status({ wiring, output, config }: CommandContext): Promise<void> {
  const report = await inspect(wiring.inspectStore(config), config.storePath);
  if (output.json) {
    const { kind, location, version, schema, knownSchema, bytes, tasks, ownerPid } = report;
    const counts = { known_schema: knownSchema, bytes, tasks, owner_pid: ownerPid };
    return output.printJson({ ok: true, kind, location, version, schema, ...counts });
  }
  output.print(`store    ${shownPath(report.location, config.root)}`);
  output.print(`kind     ${report.kind} ${report.version}, schema ${report.schema}`);
  output.print(`size     ${formatBytes(report.bytes)}`);
  output.print(`owner    ${report.ownerPid === null ? "nobody" : `process ${report.ownerPid}`}`);
  const counts = STATES.flatMap((state) => (report.tasks[state] ? [`${report.tasks[state]} ${state}`] : []));
  output.print(`tasks    ${counts.length > 0 ? counts.join(", ") : "none"}`);
}

async function inspect(reading: Promise<StoreReport | null>, location: string): Promise<StoreReport> {
  const report = await reading;
  if (report) return report;
  throw new ChironError("not_found", `there is no store at ${location}`, {
    hint: '"chiron dev" makes one; another place is named with --db.',
  });
}

async function backup({ wiring, output, config }: CommandContext, options: BackupOptions, file: string): Promise<void> {
  const target = path.resolve(file);
  if (target === config.storePath) throw new ChironError("bad_request", "the copy cannot be the store itself");
  await inspect(wiring.inspectStore(config), config.storePath);
  if (fs.existsSync(target) && !options.force) {
    throw new ChironError("conflict", `${file} exists`, { hint: "Name another file, or replace it with --force." });
  }
  fs.mkdirSync(path.dirname(target), { recursive: true });
  // The copy gets its name when it is whole: an interrupted backup never looks like one.
  const unfinished = `${target}.${process.pid}.tmp`;
  try {
    await wiring.copyStore(config, unfinished);
    fs.renameSync(unfinished, target);
  } finally {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) fs.rmSync(unfinished + suffix, { force: true });
  }
  const { size } = fs.statSync(target);
  if (output.json) output.printJson({ ok: true, file: target, bytes: size });
  else output.print(`wrote ${file} (${formatBytes(size)})`);
}
