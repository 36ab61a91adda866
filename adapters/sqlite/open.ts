// Opens a store: in memory, or a file of which this process becomes the one owner. A file that cannot be used is left as it was.
import { randomBytes as nodeRandomBytes } from "node:crypto";
import { chmodSync, existsSync, realpathSync } from "node:fs";
import path from "node:path";
import type Database from "better-sqlite3";
import { createIdSource, type IdSource } from "../../src/core/ids.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Store } from "../../src/ports/store.ts";
import { makeFolder } from "../node/make-folder.ts";
import { configure, connect, type Synchronous } from "./connection.ts";
import { translate } from "./errors.ts";
import { checkSchema, migrate, migrations } from "./migrate.ts";
import { createPrivate, takeOwnership } from "./owner-lock.ts";
import { buildStore } from "./store.ts";

export interface OpenOptions {
  /** A file, or ":memory:". */
  readonly path: string;
  readonly clock: Clock;
  /** Default "full". */
  readonly synchronous?: Synchronous;
  readonly ids?: IdSource;
  readonly randomBytes?: (size: number) => Uint8Array;
}

/** The open store. Throws store_owned, store_newer, store_corrupt, store_unwritable or store_full. */
export async function openSqlite(options: OpenOptions): Promise<Store> {
  const { clock, synchronous = "full", randomBytes = nodeRandomBytes } = options;
  const boot = Buffer.from(randomBytes(4)).toString("hex");
  const { db, location, release } = open(options.path, synchronous, boot);
  const ids = options.ids ?? createIdSource(() => clock.now(), randomBytes);
  return buildStore({ db, location, clock, ids, boot }, release);
}

interface Opened {
  readonly db: Database.Database;
  readonly location: string;
  readonly release: () => void;
}

function open(place: string, synchronous: Synchronous, boot: string): Opened {
  if (place === ":memory:") {
    const db = connect(place);
    prepareSqlite(db, place, synchronous);
    return { db, location: place, release: () => undefined };
  }
  const file = path.resolve(place);
  try {
    return openFile(file, synchronous, boot);
  } catch (error) {
    throw translate(error, file);
  }
}

function openFile(given: string, synchronous: Synchronous, boot: string): Opened {
  makeFolder(path.dirname(given), 0o700);
  // Another spelling of the path must meet the same lock.
  const file = existsSync(given)
    ? realpathSync(given)
    : path.join(realpathSync(path.dirname(given)), path.basename(given));
  const lock = takeOwnership(file, { pid: process.pid, boot });
  let db: Database.Database | null = null;
  try {
    createPrivate(file);
    chmodSync(file, 0o600);
    db = connect(file);
    prepareSqlite(db, file, synchronous);
    return { db, location: file, release: () => lock.release() };
  } catch (error) {
    db?.close();
    lock.release();
    throw error;
  }
}

/** Makes a fresh connection ready for a store. The checks come first: a refused file has not been touched. */
export function prepareSqlite(db: Database.Database, location: string, synchronous: Synchronous): void {
  const known = migrations();
  checkSchema(db, location, known);
  configure(db, synchronous);
  migrate(db, known);
}
