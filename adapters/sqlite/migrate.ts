// The schema and how it grows: numbered .sql files, each one transaction that ends by setting the file's schema number, so that a
// person can run them by hand. A released migration is never edited.
import { readdirSync, readFileSync } from "node:fs";
import type Database from "better-sqlite3";
import { ChironError } from "../../src/core/errors.ts";

export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
}

/** "Chrn": what tells our files from any other program's. */
const APPLICATION_ID = 0x4368726e;

const FOLDER = new URL("./migrations/", import.meta.url);

/** All migrations in order. */
export function migrations(): Migration[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".sql"))
    .toSorted()
    .map((file) => ({
      id: Number.parseInt(file, 10),
      name: file.slice(file.indexOf("_") + 1, -".sql".length),
      sql: readFileSync(new URL(file, FOLDER), "utf8"),
    }));
}

/** Refuses what is not ours or not yet ours to read. Changes nothing. */
export function checkSchema(db: Database.Database, location: string, known: readonly Migration[]): void {
  const schema = schemaOf(db);
  const latest = known.at(-1)!.id;
  if (schema > latest) {
    throw new ChironError(
      "store_newer",
      `the store ${location} has schema ${schema}, this Chiron knows up to ${latest}`,
      {
        hint: "Use the Chiron that wrote it, or a newer one.",
        details: { path: location, schema, known: latest },
      },
    );
  }
  const ours = db.pragma("application_id", { simple: true }) === APPLICATION_ID;
  const empty = db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
  if (!ours && !empty) {
    throw new ChironError("store_corrupt", `${location} is an SQLite database of another program`, {
      hint: "Choose another path for the store.",
      details: { path: location },
    });
  }
}

/** Brings the schema up to date, one transaction per migration. */
export function migrate(db: Database.Database, known: readonly Migration[]): void {
  const schema = schemaOf(db);
  for (const { id, sql } of known) {
    if (id <= schema) continue;
    try {
      db.exec(sql);
    } catch (error) {
      if (db.inTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }
}

export function schemaOf(db: Database.Database): number {
  return db.pragma("user_version", { simple: true }) as number;
}
