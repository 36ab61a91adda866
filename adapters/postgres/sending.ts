// One statement, sent until it is known what became of it. A conflict with another transaction committed nothing and is sent again. When
// the connection is lost under way, nobody knows: a statement that can tell is sent again with `again` set, and answers as the first one
// would have (the first, if it still runs on the server, holds the locks the second waits for). Others are reported as unavailable.
import { setTimeout as wait } from "node:timers/promises";
import { ChironError } from "../../src/core/errors.ts";
import { NotConnected, type Database } from "./database.ts";
import { isConflict, isInDoubt, isTimeout, translate } from "./errors.ts";

/** Attempts at a statement that meets conflicts; each loser lets at least one other commit. */
const CONFLICTS = 20;
/** Those that lost this often get out of each other's way, for longer each time. */
const PATIENT_AFTER = 3;
const MOST_PATIENCE_MS = 200;
/** Pauses before a connection is tried for again, or a statement in doubt is sent again: a server that restarts is back in seconds. */
const PAUSES_MS = [20, 100, 400, 1_500, 3_000];

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
      const tries = new Tries(location, resend);
      for (;;) {
        const bound = values(tries.inDoubt);
        try {
          const rows = await database.write<Row>(sql, bound);
          commits += 1;
          return rows;
        } catch (error) {
          await tries.failed(error);
        }
      }
    },
    async read<Row extends object>(sql: string, values: readonly unknown[]) {
      const tries = new Tries(location, true);
      for (;;) {
        try {
          return await database.read<Row>(sql, values);
        } catch (error) {
          await tries.failed(error);
        }
      }
    },
  };
}

/** The failures of one statement so far, and whether it may be sent once more. */
class Tries {
  /** An earlier sending may have been committed. */
  inDoubt = false;
  readonly #location: string;
  readonly #resend: boolean;
  #conflicts = 0;
  #pauses = 0;

  constructor(location: string, resend: boolean) {
    this.#location = location;
    this.#resend = resend;
  }

  /** Returns when the statement may be sent again; throws when this failure is the last. */
  async failed(error: unknown): Promise<void> {
    if (isConflict(error) && (this.#conflicts += 1) < CONFLICTS) return this.#stepAside();
    const unsent = error instanceof NotConnected;
    const cause: unknown = unsent ? error.cause : error;
    const lost = isInDoubt(cause);
    if (lost && !unsent && !this.#resend) throw this.#unknownEnd(cause);
    this.inDoubt ||= lost && !unsent;
    const pause = lost && !isTimeout(cause) ? PAUSES_MS[this.#pauses] : undefined;
    if (pause === undefined) throw this.inDoubt ? this.#unknownEnd(cause) : translate(cause, this.#location);
    this.#pauses += 1;
    await wait(pause);
  }

  async #stepAside(): Promise<void> {
    const lost = this.#conflicts - PATIENT_AFTER;
    if (lost > 0) await wait(Math.random() * Math.min(MOST_PATIENCE_MS, 2 ** lost));
  }

  #unknownEnd(cause: unknown): ChironError {
    const { message, hint, details } = translate(cause, this.#location);
    return new ChironError("unavailable", `${message}; whether the last write was committed is not known`, {
      cause,
      details: { ...details, inDoubt: true },
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
