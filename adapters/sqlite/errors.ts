// Driver errors end here: what leaves the adapter is a ChironError that says which file and what to do next.
import Database from "better-sqlite3";
import { ChironError, messageOf, type ErrorCode } from "../../src/core/errors.ts";

interface Meaning {
  readonly code: ErrorCode;
  readonly says: string;
  readonly hint: string;
}

/** By the longest prefix of SQLite's result code; extended codes follow their primary one. */
const MEANINGS: readonly (readonly [prefix: string, meaning: Meaning])[] = [
  [
    "SQLITE_FULL",
    {
      code: "store_full",
      says: "has no room left",
      hint: "Free disk space; the store goes on by itself when there is some.",
    },
  ],
  [
    "SQLITE_CORRUPT",
    {
      code: "store_corrupt",
      says: "is damaged",
      hint: 'Stop Chiron, keep a copy of the file and restore a backup; "sqlite3 FILE .recover" saves what is readable.',
    },
  ],
  [
    "SQLITE_NOTADB",
    {
      code: "store_corrupt",
      says: "is not an SQLite database",
      hint: "Check the path, or restore a backup.",
    },
  ],
  [
    "SQLITE_BUSY",
    {
      code: "store_unwritable",
      says: "is locked by another program",
      hint: "Close the program that writes to the file (an sqlite3 shell with an open transaction?).",
    },
  ],
  [
    "SQLITE_TOOBIG",
    {
      code: "too_large",
      says: "refuses a value of more than 1 GB",
      hint: "Store the data elsewhere and a reference here.",
    },
  ],
];

const WRITE_FAULT: Meaning = {
  code: "store_unwritable",
  says: "cannot be written",
  hint: "Check the folder, its permissions and the disk; on a network drive use a local one.",
};

const WRITE_FAULT_CODES = ["SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_PERM", "SQLITE_LOCKED"];
const FILE_FAULT_CODES = new Set([
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOTDIR",
  "EEXIST",
  "EISDIR",
  "ENOENT",
  "ELOOP",
  "ENAMETOOLONG",
]);

/** Anything thrown by the driver or the file system as the error that leaves the store at `location`. */
export function translate(error: unknown, location: string): ChironError {
  if (error instanceof ChironError) return error;
  const meaning = meaningOf(error);
  if (!meaning)
    return new ChironError("internal", `the store ${location} failed: ${messageOf(error)}`, { cause: error });
  const { code, says, hint } = meaning;
  return new ChironError(code, `the store ${location} ${says} (${messageOf(error)})`, {
    hint,
    cause: error,
    details: { path: location },
  });
}

function meaningOf(error: unknown): Meaning | null {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return null;
  if (error instanceof Database.SqliteError) {
    const known = MEANINGS.find(([prefix]) => code.startsWith(prefix));
    if (known) return known[1];
    return WRITE_FAULT_CODES.some((prefix) => code.startsWith(prefix)) ? WRITE_FAULT : null;
  }
  if (code === "ENOSPC" || code === "EDQUOT") return MEANINGS[0]![1];
  return FILE_FAULT_CODES.has(code) ? WRITE_FAULT : null;
}

/** Whether a statement failed because its row is there already. */
export function isDuplicate(error: unknown): boolean {
  return (
    error instanceof Database.SqliteError &&
    (error.code === "SQLITE_CONSTRAINT_UNIQUE" || error.code === "SQLITE_CONSTRAINT_PRIMARYKEY")
  );
}

/** What every call answers after the store was closed. */
export function closed(location: string): ChironError {
  return new ChironError("unavailable", `the store ${location} is closed`);
}
