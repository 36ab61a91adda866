// One statement, sent until it is known what became of it. A conflict with another transaction committed nothing and is sent again. When
// the connection is lost under way, nobody knows: a statement that can tell is sent again with `again` set, and answers as the first one
// would have (the first, if it still runs on the server, holds the locks the second waits for). Others are reported as unavailable.
import { setTimeout as wait } from "node:timers/promises";
import { ChironError } from "../../src/core/errors.ts";
import { NotConnected, type Database } from "./database.ts";
import { isConflict, isInDoubt, isTimeout, translate } from "./errors.ts";

/** Attempts at a statement that meets conflicts; each loser lets at least one other commit. */
const CONFLICTS = 20;
/** Pauses before a statement in doubt is sent again: a server that restarts is back within seconds. */
const DOUBT_PAUSES_MS = [20, 100, 400, 1_500, 3_000];

export interface Sender {
  /** Sends what changes something. `values` gets whether it was sent before; without `resend` a lost answer is an error. */
  commit<Row extends object>(
    sql: string,
    values: (again: boolean) => readonly unknown[],
    resend: boolean,
  ): Promise<Row[]>;
  read<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]>;
  /** Statements committed so far. */
  readonly commits: () => number;
}

export function createSender(database: Database, location: string): Sender {
  let commits = 0;
  return {
    commits: () => commits,
    async commit<Row extends object>(sql: string, values: (again: boolean) => readonly unknown[], resend: boolean) {
      let conflicts = 0;
      let doubts = 0;
      for (;;) {
        const bound = values(doubts > 0);
        try {
          const rows = await database.write<Row>(sql, bound);
          commits += 1;
          return rows;
        } catch (error) {
          if (isConflict(error) && (conflicts += 1) < CONFLICTS) continue;
          if (doubts === 0 && !isInDoubt(error)) throw translate(error, location);
          if (doubts === 0 && error instanceof NotConnected) throw translate(error.cause, location);
          if (!resend || isTimeout(error) || doubts === DOUBT_PAUSES_MS.length) throw unknownEnd(error, location);
          await wait(DOUBT_PAUSES_MS[doubts]!);
          doubts += 1;
        }
      }
    },
    async read<Row extends object>(sql: string, values: readonly unknown[]) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await database.read<Row>(sql, values);
        } catch (error) {
          // A pooled connection may have died unnoticed; a read does no harm twice.
          if (attempt === 1 && isInDoubt(error) && !(error instanceof NotConnected)) continue;
          throw translate(error instanceof NotConnected ? error.cause : error, location);
        }
      }
    },
  };
}

function unknownEnd(error: unknown, location: string): ChironError {
  const { message, hint, details } = translate(error instanceof NotConnected ? error.cause : error, location);
  return new ChironError("unavailable", `${message}; whether the last write was committed is not known`, {
    cause: error,
    details,
    ...(hint === undefined ? {} : { hint }),
  });
}
