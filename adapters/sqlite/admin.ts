// The store as a whole: what it is, whether it can commit, a copy of it, its end.
import { chmodSync, closeSync, existsSync, openSync, renameSync, rmSync } from "node:fs";
import { ChironError } from "../../src/core/errors.ts";
import type { StoreAdmin } from "../../src/ports/store.ts";
import { closed, translate } from "./errors.ts";
import { schemaOf } from "./migrate.ts";
import { prepareQuery } from "./query.ts";
import type { Session } from "./session.ts";

const VERSION = "SELECT sqlite_version() AS version";
const PING = "INSERT INTO meta (key, value) VALUES ('ping', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/** `release` lets the file go after the connection is closed. */
export function createAdmin(session: Session, release: () => void): StoreAdmin {
  const { db, clock, commits, location } = session;
  const ping = db.prepare(PING);
  const { version } = prepareQuery<[], { version: string }>(db, VERSION).get()!;
  const schema = schemaOf(db);
  let backups: Promise<unknown> = Promise.resolve();
  return {
    describe: () => ({ kind: "sqlite", location, version, schema }),
    commits: () => commits.commits,
    batches: () => ({ commits: commits.sizes, claims: session.claimSizes }),
    backup(target) {
      if (!db.open) return Promise.reject(closed(location));
      const copy = backups.then(() => backup(session, target));
      backups = copy.catch(() => undefined);
      return copy;
    },
    ping: () => commits.add(() => void ping.run(String(clock.now()))),
    async close() {
      if (!db.open) return;
      commits.close();
      await backups;
      if (!db.open) return;
      try {
        // Also when this fails (a full disk): the log stays beside the file and the next opening reads it.
        if (location !== ":memory:") db.pragma("wal_checkpoint(TRUNCATE)");
      } catch (error) {
        throw translate(error, location);
      } finally {
        db.close();
        release();
      }
    },
  };
}

async function backup({ db, location }: Session, target: string): Promise<void> {
  refuseExisting(target);
  const partial = `${target}.partial`;
  try {
    rmSync(partial, { force: true });
    closeSync(openSync(partial, "wx", 0o600));
  } catch (error) {
    throw translate(error, target);
  }
  try {
    await db.backup(partial);
    chmodSync(partial, 0o600);
    refuseExisting(target);
    renameSync(partial, target);
  } catch (error) {
    rmSync(partial, { force: true });
    throw translate(error, db.open ? target : location);
  }
}

function refuseExisting(target: string): void {
  if (!existsSync(target)) return;
  throw new ChironError("conflict", `${target} exists already`, {
    hint: "A backup never overwrites; choose another name.",
    details: { path: target },
  });
}
