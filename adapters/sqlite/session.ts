// What the parts of one open store share: its connection, its clock, its ids and its way to commit.
import type Database from "better-sqlite3";
import type { Histogram } from "../../src/core/histogram.ts";
import type { IdSource } from "../../src/core/ids.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { CommitQueue } from "./commit-queue.ts";
import { closed, translate } from "./errors.ts";

export interface Session {
  readonly db: Database.Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly commits: CommitQueue;
  /** Runs that one claim brought. */
  readonly claimSizes: Histogram;
  /** Differs with every opening, so that no two openings ever hand out the same claim token. */
  readonly boot: string;
  /** For a person: the file's path, or ":memory:". */
  readonly location: string;
}

/** One transition for each member of `items`, in one transaction with whatever else is waiting to commit. */
export function each<T, R>(session: Session, items: readonly T[], transition: (item: T) => R): Promise<R[]> {
  return session.commits.add(() => items.map(transition));
}

/** Runs a read at once. It sees committed data only, because no transaction is ever open between two turns of the event loop. */
export async function read<R>(session: Session, query: () => R): Promise<R> {
  if (!session.db.open) throw closed(session.location);
  try {
    return query();
  } catch (error) {
    throw translate(error, session.location);
  }
}
