// The connection and its settings: durability, the write-ahead log, and the oldest SQLite that is safe to use.
import Database from "better-sqlite3";
import { ChironError } from "../../src/core/errors.ts";

/** Before 3.51.3 a checkpoint that met a commit could lose it (the WAL-reset bug). */
const OLDEST = [3, 51, 3] as const;

/** full: a commit survives a loss of power; normal: it survives the process only. */
export type Synchronous = "full" | "normal";

/** Another program's short write (an sqlite3 shell) is waited for, but the event loop stands still meanwhile. */
const BUSY_MS = 100;

/** Pages the log grows to before it is copied into the database (16 MB): less often than SQLite's 1,000, because each time costs two more fsyncs. */
const AUTOCHECKPOINT_PAGES = 4_000;

/** Opens a connection and changes nothing yet. */
export function connect(file: string): Database.Database {
  const db = new Database(file, { timeout: BUSY_MS });
  try {
    checkVersion(db.prepare<[], { version: string }>("SELECT sqlite_version() AS version").get()!.version);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

export function checkVersion(version: string): void {
  const parts = version.split(".").map(Number);
  for (const [index, oldest] of OLDEST.entries()) {
    const part = parts[index] ?? 0;
    if (part > oldest) return;
    if (part < oldest) {
      throw new ChironError(
        "unavailable",
        `SQLite ${version} can lose commits; ${OLDEST.join(".")} or newer is needed`,
        {
          hint: "Install the better-sqlite3 version that Chiron was built with.",
        },
      );
    }
  }
}

/** Settings of a connection whose file is ours. Integrity is kept by the transitions, so foreign keys would only cost look-ups. */
export function configure(db: Database.Database, synchronous: Synchronous): void {
  db.pragma("journal_mode = WAL");
  db.pragma(`synchronous = ${synchronous}`);
  db.pragma(`wal_autocheckpoint = ${AUTOCHECKPOINT_PAGES}`);
  // A log that grew during a backup or a long read is cut back to this many bytes.
  db.pragma("journal_size_limit = 67108864");
  db.pragma("cache_size = -32000");
  db.pragma("temp_store = memory");
  db.pragma("foreign_keys = off");
}
