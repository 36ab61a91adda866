// The store as a whole: what it is, whether it can commit, its end. A copy of a database is its own tools' work.
import { ChironError } from "../../src/core/errors.ts";
import type { StoreAdmin } from "../../src/ports/store.ts";
import { closed } from "./errors.ts";
import type { Session } from "./session.ts";

/** Orders a ping behind the notes that were waiting for a commit. */
export const NOTES = "notes";

// Takes a transaction id, which a server that may not write refuses.
const PING = "select pg_current_xact_id()";

export interface About {
  readonly version: string;
  readonly schema: number;
}

/** `end` closes the connections. */
export function createAdmin(session: Session, about: About, end: () => Promise<void>): StoreAdmin {
  const { sender, gatherer, location } = session;
  let ending: Promise<void> | null = null;
  const ping = gatherer.lane<null, null>({
    width: 100,
    inFlight: 1,
    async send(calls) {
      await sender.commit(PING, () => [], true);
      return calls.map(() => null);
    },
  });
  return {
    describe: () => ({ kind: "postgres", location, ...about }),
    commits: sender.commits,
    batches: () => session.batches,
    async backup() {
      if (ending) throw closed(location);
      throw new ChironError("bad_request", `the store ${location} is a Postgres database, which has its own backups`, {
        hint: "Use pg_dump for a copy, or the server's continuous archiving.",
      });
    },
    ping: async () => void (await ping([null], { keys: [NOTES] })),
    close() {
      ending ??= gatherer.close().then(end);
      return ending;
    },
  };
}
