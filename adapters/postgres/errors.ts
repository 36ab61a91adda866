// Driver errors end here: what leaves the adapter is a ChironError that says which database and what to do next. Also: which errors
// leave it open whether a statement was committed, and which say that it certainly was not.
import pg from "pg";
import { ChironError, messageOf, type ErrorCode } from "../../src/core/errors.ts";

interface Meaning {
  readonly code: ErrorCode;
  readonly says: string;
  readonly hint: string;
}

const meaning = (code: ErrorCode, says: string, hint: string): Meaning => ({ code, says, hint });

const GONE = meaning(
  "unavailable",
  "cannot be reached",
  "Check that the server runs and the address is right; a Chiron that is running goes on by itself when it answers again.",
);
const LOGIN = meaning("unauthenticated", "refuses the login", "Check user and password in the connection string.");
const FULL = meaning("store_full", "has no room left", "Free disk space on the server; Chiron goes on by itself.");
const SLOW = meaning(
  "unavailable",
  "took too long to answer",
  "Look for locks and load on the server (pg_stat_activity); Chiron tries again by itself.",
);

/** By the longest prefix of SQLSTATE. */
const STATES: readonly (readonly [prefix: string, meaning: Meaning])[] = [
  ["28", LOGIN],
  [
    "3D000",
    meaning("not_found", "does not exist", "Create the database, or correct its name in the connection string."),
  ],
  [
    "42501",
    meaning(
      "forbidden",
      "refuses the operation to this role",
      "Grant the role CREATE on the database for the first start, and the use of schemas absurd and chiron afterwards.",
    ),
  ],
  [
    "25006",
    meaning(
      "store_unwritable",
      "is read-only",
      "Connect to the primary server; a replica or a read-only session cannot run workflows.",
    ),
  ],
  [
    "53300",
    meaning(
      "unavailable",
      "has no free connection",
      "Raise max_connections, lower the pool size, or put a pooler in front of the server.",
    ),
  ],
  ["53", FULL],
  ["58030", FULL],
  [
    "40",
    meaning(
      "unavailable",
      "gave the transaction up for other ones, again and again",
      "Look for other programs that hold many rows of schema absurd or chiron at a time; Chiron tries again by itself.",
    ),
  ],
  ["57014", SLOW],
  ["55P03", SLOW],
  ["57P", GONE],
  ["08", GONE],
  ["XX001", meaning("store_corrupt", "is damaged", "Stop Chiron and restore a backup.")],
  ["XX002", meaning("store_corrupt", "has a damaged index", "REINDEX the named index, or restore a backup.")],
  ["54", meaning("too_large", "refuses a value of this size", "Store the data elsewhere and a reference here.")],
  ["22", meaning("bad_request", "refuses a value", "Check the values of this call.")],
  ["P0001", meaning("bad_request", "refuses the call", "Check the values of this call.")],
];

const NETWORK = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
]);

/** Anything thrown by the driver as the error that leaves the store at `location`. */
export function translate(error: unknown, location: string): ChironError {
  if (error instanceof ChironError) return error;
  const found = meaningOf(error);
  if (!found) return new ChironError("internal", `the store ${location} failed: ${messageOf(error)}`, { cause: error });
  return new ChironError(found.code, `the store ${location} ${found.says} (${messageOf(error)})`, {
    hint: found.hint,
    cause: error,
    details: { location, ...(stateOf(error) === null ? {} : { sqlState: stateOf(error) }) },
  });
}

function meaningOf(error: unknown): Meaning | null {
  const state = stateOf(error);
  if (state !== null) {
    const known = STATES.filter(([prefix]) => state.startsWith(prefix));
    return known.toSorted(([a], [b]) => b.length - a.length)[0]?.[1] ?? null;
  }
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && NETWORK.has(code)) return GONE;
  const message = messageOf(error);
  if (/SASL|password must be a string/i.test(message)) return LOGIN;
  if (/timeout/i.test(message)) return SLOW;
  if (/Connection terminated|Client (?:was|has) (?:closed|encountered)|not queryable/i.test(message)) return GONE;
  return null;
}

/** SQLSTATE of an error the server sent; null for any other. */
export function stateOf(error: unknown): string | null {
  return error instanceof pg.DatabaseError ? (error.code ?? null) : null;
}

/** The server gave the transaction up for another one's sake: the same call again will do. */
export function isConflict(error: unknown): boolean {
  const state = stateOf(error);
  return state === "40001" || state === "40P01";
}

/** The connection was lost while a statement was under way: nobody here knows whether it was committed. */
export function isInDoubt(error: unknown): boolean {
  const state = stateOf(error);
  return state === null ? !(error instanceof ChironError) : state.startsWith("57P") || state.startsWith("08");
}

/** No answer within the client's own limit: what waited that long once is not sent again. */
export function isTimeout(error: unknown): boolean {
  return stateOf(error) === null && /timeout/i.test(messageOf(error));
}

/** Whether one member of a batch may be the cause of a translated error, so that its mates would succeed without it. */
export function isMembersFault(error: unknown): boolean {
  const cause = error instanceof ChironError ? error.cause : error;
  const state = stateOf(cause);
  return state !== null && !isInDoubt(cause) && !state.startsWith("53");
}

/** Whether a statement failed because its row is there already. */
export function isDuplicate(error: unknown): boolean {
  return stateOf(error) === "23505";
}

/** What every call answers after the store was closed. */
export function closed(location: string): ChironError {
  return new ChironError("unavailable", `the store ${location} is closed`);
}
