// One process owns a store file. The lock is SQLite's own exclusive lock on a file beside it, which the system drops when the process
// dies, however it dies. Who holds it is written into another file, because opening a locked file and closing it drops its locks.
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import Database from "better-sqlite3";
import { ChironError } from "../../src/core/errors.ts";

/** The pid's use is in messages; the boot tells two processes with one pid apart. */
export interface Owner {
  readonly pid: number;
  readonly boot: string;
}

export interface OwnerLock {
  release(): void;
}

/** Takes the store at `file` for this process; throws store_owned when another one has it. */
export function takeOwnership(file: string, owner: Owner): OwnerLock {
  const lockFile = `${file}.lock`;
  const ownerFile = `${file}.owner`;
  createPrivate(lockFile);
  const lock = new Database(lockFile, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    writeFileSync(`${ownerFile}.new`, JSON.stringify(owner), { mode: 0o600 });
    renameSync(`${ownerFile}.new`, ownerFile);
  } catch (error) {
    lock.close();
    throw isBusy(error) ? ownedBy(file, readOwner(ownerFile)) : error;
  }
  return {
    release() {
      rmSync(ownerFile, { force: true });
      lock.close();
    },
  };
}

/** Creates an empty file that only this user can read. An existing one is not opened, which would drop this process's locks on it. */
export function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if ((error as { code?: unknown }).code !== "EEXIST") throw error;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY");
}

function readOwner(ownerFile: string): Owner | null {
  try {
    return JSON.parse(readFileSync(ownerFile, "utf8")) as Owner;
  } catch {
    return null;
  }
}

function ownedBy(file: string, owner: Owner | null): ChironError {
  const who = owner ? `process ${owner.pid}` : "another process";
  return new ChironError("store_owned", `the store ${file} is in use by ${who}`, {
    hint: "Stop that process, or use its API; one process owns a store file at a time.",
    details: { path: file, ...(owner ? { pid: owner.pid } : {}) },
  });
}
