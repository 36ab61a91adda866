// Looks at a store file from outside, and copies it, beside the process that owns it. Readers never block a writer in WAL mode, so the
// owner notices nothing. Not for the owner itself: opening and closing its files a second time would drop its locks.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import { translate } from "./errors.ts";
import { checkSchema, migrations, schemaOf } from "./migrate.ts";
import { createPrivate } from "./owner-lock.ts";

export interface SqliteReport {
  readonly kind: "sqlite";
  readonly location: string;
  readonly version: string;
  readonly schema: number;
  readonly knownSchema: number;
  /** With the write-ahead log. */
  readonly bytes: number;
  /** How many tasks are in each state. */
  readonly tasks: Readonly<Record<string, number>>;
  readonly ownerPid: number | null;
}

const COUNTS = `
  SELECT coalesce(tasks.ended, runs.state) AS state, count(*) AS count
  FROM tasks LEFT JOIN runs ON runs.run_id = tasks.last_run_id GROUP BY 1`;

/** Null when there is no file. Creates and changes nothing. Throws ChironError store_corrupt or store_unwritable. */
export function inspectSqlite(file: string): SqliteReport | null {
  if (!existsSync(file)) return null;
  return withReader(file, (db) => {
    const known = migrations();
    const schema = schemaOf(db);
    const knownSchema = known.at(-1)!.id;
    // A newer store is reported, not refused: it is what the person wants to know.
    if (schema <= knownSchema) checkSchema(db, file, known);
    const rows = schema === 0 ? [] : db.prepare<[], { state: string; count: number }>(COUNTS).all();
    return {
      kind: "sqlite",
      location: file,
      version: db.prepare<[], { version: string }>("SELECT sqlite_version() AS version").get()!.version,
      schema,
      knownSchema,
      bytes: statSync(file).size + (existsSync(`${file}-wal`) ? statSync(`${file}-wal`).size : 0),
      tasks: Object.fromEntries(rows.map(({ state, count }) => [state, count])),
      ownerPid: ownerOf(file),
    };
  });
}

/** One snapshot of the store as a new file, on disk when this returns. Throws ChironError, also when `target` exists and is not empty. */
export function copySqlite(file: string, target: string): void {
  try {
    createPrivate(target);
    withReader(file, (db) => db.prepare("VACUUM INTO ?").run(target));
    const copy = openSync(target, "r+");
    fsyncSync(copy);
    closeSync(copy);
  } catch (error) {
    throw translate(error, file);
  }
}

function withReader<T>(file: string, body: (db: Database.Database) => T): T {
  let db: Database.Database | null = null;
  try {
    // A read-only connection cannot take the log's files away again, so it may only come where they are: else the reader is an
    // ordinary one that writes nothing, and SQLite clears up behind it.
    db = new Database(file, { readonly: existsSync(`${file}-wal`), fileMustExist: true, timeout: 5_000 });
    return body(db);
  } catch (error) {
    throw translate(error, file);
  } finally {
    db?.close();
  }
}

/** The owner's pid, 0 when it is not known, null when nobody owns the store. */
function ownerOf(file: string): number | null {
  const lockFile = `${file}.lock`;
  if (!existsSync(lockFile)) return null;
  const lock = new Database(lockFile, { readonly: true, timeout: 0 });
  try {
    lock.prepare("SELECT 1 FROM sqlite_schema").get();
    return null;
  } catch {
    return pidOf(`${file}.owner`);
  } finally {
    lock.close();
  }
}

function pidOf(ownerFile: string): number {
  try {
    const { pid } = JSON.parse(readFileSync(ownerFile, "utf8")) as { pid?: unknown };
    return typeof pid === "number" ? pid : 0;
  } catch {
    return 0;
  }
}
