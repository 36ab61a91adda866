// A store file's contents as plain rows, and an empty store file filled with them. Reading goes on beside the owner; writing makes this
// process the owner, in one transaction.
import { existsSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { ChironError } from "../../src/core/errors.ts";
import type { Clock } from "../../src/ports/clock.ts";
import {
  transferBatch,
  type TransferKind,
  type TransferRows,
  type TransferSource,
  type TransferTarget,
} from "../../src/ports/store-transfer.ts";
import { connect } from "./connection.ts";
import { translate } from "./errors.ts";
import { inspectSqlite } from "./inspect.ts";
import { checkSchema, migrations } from "./migrate.ts";
import { openSqlite, prepareSqlite } from "./open.ts";
import { takeOwnership } from "./owner-lock.ts";
import { createReaders, type Readers } from "./transfer-read.ts";
import { BEGIN, createWriters, FINISH, type Writers } from "./transfer-write.ts";

const HOLDS_SOMETHING = `SELECT EXISTS (SELECT 1 FROM tasks) OR EXISTS (SELECT 1 FROM events) OR EXISTS (SELECT 1 FROM start_keys)
  OR EXISTS (SELECT 1 FROM logs) OR EXISTS (SELECT 1 FROM schedules) OR EXISTS (SELECT 1 FROM delivery_keys)
  OR EXISTS (SELECT 1 FROM deliveries) AS something`;

/** Throws ChironError not_found, store_corrupt, store_newer. */
export async function openSqliteSource(place: string): Promise<TransferSource> {
  const file = path.resolve(place);
  const report = inspectSqlite(file);
  if (report === null) {
    throw new ChironError("not_found", `there is no store at ${file}`, { hint: "Check the path behind sqlite:." });
  }
  try {
    const db = new Database(file, { readonly: existsSync(`${file}-wal`), fileMustExist: true, timeout: 5_000 });
    checkSchema(db, file, migrations());
    db.exec("BEGIN");
    const user = report.ownerPid === null ? null : `process ${report.ownerPid}`;
    return new SqliteTransfer(db, file, user, () => undefined);
  } catch (error) {
    throw translate(error, file);
  }
}

/** Makes the file when there is none. Throws store_owned when another process has it. */
export async function openSqliteTarget(place: string, clock: Clock): Promise<TransferTarget> {
  const file = path.resolve(place);
  await (await openSqlite({ path: file, clock })).admin.close();
  const lock = takeOwnership(file, { pid: process.pid, boot: "copy" });
  try {
    const db = connect(file);
    prepareSqlite(db, file, "full");
    db.exec("BEGIN IMMEDIATE");
    db.exec(BEGIN);
    return new SqliteTransfer(db, file, null, () => lock.release());
  } catch (error) {
    lock.release();
    throw translate(error, file);
  }
}

class SqliteTransfer implements TransferTarget {
  readonly location: string;
  readonly user: string | null;
  readonly #db: Database.Database;
  readonly #release: () => void;
  #readers: Readers | null = null;
  #writers: Writers | null = null;

  constructor(db: Database.Database, location: string, user: string | null, release: () => void) {
    this.#db = db;
    this.location = location;
    this.user = user;
    this.#release = release;
  }

  async *read<K extends TransferKind>(kind: K): AsyncGenerator<readonly TransferRows[K][]> {
    this.#readers ??= createReaders(this.#db);
    const size = transferBatch(kind);
    let batch: TransferRows[K][] = [];
    try {
      for (const row of this.#readers[kind]()) {
        batch.push(row);
        if (batch.length < size) continue;
        yield batch;
        batch = [];
      }
    } catch (error) {
      throw translate(error, this.location);
    }
    if (batch.length > 0) yield batch;
  }

  async isEmpty(): Promise<boolean> {
    return this.#db.prepare<[], { something: number }>(HOLDS_SOMETHING).get()!.something === 0;
  }

  async write<K extends TransferKind>(kind: K, rows: readonly TransferRows[K][]): Promise<void> {
    this.#writers ??= createWriters(this.#db);
    try {
      for (const row of rows) this.#writers[kind](row);
    } catch (error) {
      throw translate(error, this.location);
    }
  }

  async commit(): Promise<void> {
    try {
      this.#db.exec(FINISH);
      this.#db.exec("COMMIT");
    } catch (error) {
      throw translate(error, this.location);
    }
  }

  async close(): Promise<void> {
    if (!this.#db.open) return;
    if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
    this.#db.close();
    this.#release();
  }
}
