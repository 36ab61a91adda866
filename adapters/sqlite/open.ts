// Opens a store: in memory, or a file of which this process becomes the one owner. A file that cannot be used is left as it was.
import { randomBytes as nodeRandomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, realpathSync } from "node:fs";
import path from "node:path";
import type Database from "better-sqlite3";
import { createIdSource, type IdSource } from "../../src/core/ids.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Store } from "../../src/ports/store.ts";
import { createAdmin } from "./admin.ts";
import { createClaims } from "./claims.ts";
import { CommitQueue } from "./commit-queue.ts";
import { configure, connect, type Synchronous } from "./connection.ts";
import { createEndings } from "./endings.ts";
import { translate } from "./errors.ts";
import { createEvents } from "./events.ts";
import { createKeys } from "./keys.ts";
import { createLogs } from "./logs.ts";
import { checkSchema, migrate, migrations } from "./migrate.ts";
import { createPrivate, takeOwnership } from "./owner-lock.ts";
import { createProgress } from "./progress.ts";
import { createReads } from "./reads.ts";
import { createRecorder } from "./recorder.ts";
import type { Session } from "./session.ts";
import { createTasks } from "./tasks.ts";
import { createWaiting } from "./waiting.ts";

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
  const nonce = Buffer.from(randomBytes(4)).toString("hex");
  const { db, location, release } = open(options.path, synchronous, nonce);
  const ids = options.ids ?? createIdSource(() => clock.now(), randomBytes);
  const commits = new CommitQueue(db, clock, location);
  const session: Session = { db, clock, ids, commits, nonce: `${nonce}-`, location };
  const recorder = createRecorder(db);
  const waiting = createWaiting(db, recorder);
  const endings = createEndings(db, ids, waiting);
  const parts = { recorder, waiting, endings };
  return {
    tasks: createTasks(session, endings),
    claims: createClaims(session, parts),
    progress: createProgress(session, parts),
    events: createEvents(session, waiting),
    reads: createReads(session),
    logs: createLogs(session),
    keys: createKeys(session),
    admin: createAdmin(session, release),
  };
}

interface Opened {
  readonly db: Database.Database;
  readonly location: string;
  readonly release: () => void;
}

function open(place: string, synchronous: Synchronous, boot: string): Opened {
  if (place === ":memory:") {
    const db = connect(place);
    prepare(db, place, synchronous);
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
  mkdirSync(path.dirname(given), { recursive: true, mode: 0o700 });
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
    prepare(db, file, synchronous);
    return { db, location: file, release: () => lock.release() };
  } catch (error) {
    db?.close();
    lock.release();
    throw error;
  }
}

/** The checks come first: a refused file has not been touched. */
function prepare(db: Database.Database, location: string, synchronous: Synchronous): void {
  const known = migrations();
  checkSchema(db, location, known);
  configure(db, synchronous);
  migrate(db, known);
}
