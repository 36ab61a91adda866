// `chiron db backup`: a consistent copy of an SQLite store. A Postgres has its own tools for that, and they are named.
import fs from "node:fs";
import path from "node:path";
import { ChironError, messageOf } from "../core/errors.ts";
import { makeFolder } from "./make-folder.ts";
import type { CommandContext, CommonOptions } from "./command.ts";
import { inspect } from "./db-status.ts";
import { formatBytes } from "./value-text.ts";

export interface BackupOptions extends CommonOptions {
  readonly force?: boolean;
}

export const BACKUP_EXAMPLES = `
Examples:
  $ chiron db backup backups/monday.db
  $ chiron db status --db backups/monday.db      what is in it
To go back: stop the server, move .chiron/chiron.db and its -wal and -shm away, and put the copy in its place.`;

export async function backup(
  { wiring, output, config }: CommandContext,
  options: BackupOptions,
  file: string,
): Promise<void> {
  if (config.storeKind === "postgres") {
    throw new ChironError("bad_request", "the store is a Postgres database, which has its own backups", {
      hint: `pg_dump --format=custom --file=${file} "$DATABASE_URL" writes one, pg_restore reads it. docs/production.md has more.`,
    });
  }
  const target = path.resolve(file);
  if (target === config.storePath) throw new ChironError("bad_request", "the copy cannot be the store itself");
  await inspect(wiring.inspectStore(config), config);
  if (fs.existsSync(target) && !options.force) {
    throw new ChironError("conflict", `${file} exists`, { hint: "Name another file, or replace it with --force." });
  }
  makeTargetFolder(target, file);
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

function makeTargetFolder(target: string, file: string): void {
  try {
    makeFolder(path.dirname(target));
  } catch (error) {
    throw new ChironError("store_unwritable", `${file} cannot be written: ${messageOf(error)}`, {
      hint: "Name a place that you may write to.",
      cause: error,
    });
  }
}
