// Opens a store in a Postgres database: checks the server, makes the schema ready, and puts the parts together. Any number of processes
// may have the same database open.
import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { ChironError } from "../../src/core/errors.ts";
import { BATCH_SIZES, Histogram } from "../../src/core/histogram.ts";
import { ALL_QUEUES } from "../../src/core/queues.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Store } from "../../src/ports/store.ts";
import { clientConfig, Database } from "./database.ts";
import { closed, translate } from "./errors.ts";
import { Gatherer, type Timing } from "./gatherer.ts";
import { createListener } from "./listener.ts";
import { makeReady, type AbsurdSchema, type Ready } from "./migrate.ts";
import { Places } from "./places.ts";
import { createSender } from "./sending.ts";
import type { Session } from "./session.ts";
import { buildStore } from "./store.ts";

export interface OpenOptions {
  readonly connectionString: string;
  /** For tests: the store's time becomes this clock's. Without one it is the database's, which all processes share. */
  readonly clock?: Clock;
  readonly applicationName?: string;
  /** Connections at most; one more listens. */
  readonly poolSize?: number;
  /** What no statement of this store may exceed; 0: no limit. */
  readonly statementTimeoutMs?: number;
  /** A file with Absurd's own schema, for a database that has none. */
  readonly absurdSql?: string;
  readonly queues?: readonly string[];
  /** Hears which absurd schema the store works on. */
  readonly onSchema?: (schema: AbsurdSchema) => void;
}

const POOL_SIZE = 10;
const STATEMENT_TIMEOUT_MS = 30_000;
/** The oldest that supports all that the schema uses. */
const OLDEST_SERVER = 130_000;

const REAL_TIMING: Timing = {
  soon: (work) => void setImmediate(work),
  sleep: (ms, signal) => wait(ms, undefined, signal ? { signal } : {}).catch(() => undefined),
};

/** The open store. Throws config_invalid, unauthenticated, forbidden, not_found, unavailable, store_newer or store_unwritable. */
export async function openPostgres(options: OpenOptions): Promise<Store> {
  const { connectionString, clock } = options;
  const location = locate(connectionString);
  const connection = {
    connectionString,
    applicationName: options.applicationName ?? "chiron",
    statementTimeoutMs: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
  };
  const config = await usableConfig(clientConfig(connection), location);
  const { schema, version, queues } = await prepare(config, location, options);
  const database = new Database({ config, poolSize: options.poolSize ?? POOL_SIZE, time: clock ?? null });
  const batches = { commits: new Histogram(BATCH_SIZES), claims: new Histogram(BATCH_SIZES) };
  const refuse = (): Error => closed(location);
  const gatherer = new Gatherer(clock ?? REAL_TIMING, refuse, (calls) => batches.commits.observe(calls));
  const listener = createListener(config, database.isServedBy);
  const boot = randomBytes(6).toString("hex");
  const sender = createSender(database, location);
  const transaction: Session["transaction"] = (work) =>
    database.transaction(work).catch((error: unknown) => {
      throw translate(error, location);
    });
  const elapsed = clock ? () => clock.now() : () => performance.now();
  const session = { sender, transaction, gatherer, batches, places: new Places(), queues, boot, elapsed, location };
  return buildStore(session, { schema, version }, listener, async () => {
    await listener.close();
    await database.end();
  });
}

/** The driver reads anything else as a path below a host of its own. A path is the folder of a socket. */
const ADDRESS = /^(?:postgres(?:ql)?:\/\/|socket:|\/)/;

/** Host and database for a person: no password. Throws config_invalid. */
export function locate(connectionString: string): string {
  try {
    if (!ADDRESS.test(connectionString)) throw new Error("no address of a Postgres");
    const { host, database, port } = new pg.Client({ connectionString });
    return `${host}:${port}/${database ?? ""}`;
  } catch (cause) {
    throw new ChironError("config_invalid", "the connection string of the database is not valid", {
      hint: "Its form is postgresql://user:password@host:5432/database.",
      cause,
    });
  }
}

/** A pooler may refuse settings at the start of a connection: then the limits are kept on this side only. */
async function usableConfig(config: pg.ClientConfig, location: string): Promise<pg.ClientConfig> {
  const client = new pg.Client(config);
  client.on("error", () => undefined);
  try {
    await client.connect();
    return config;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && /unsupported startup parameter/i.test(error.message))) {
      throw translate(error, location);
    }
    const { statement_timeout: _, ...plain } = config;
    return plain;
  } finally {
    await client.end().catch(() => undefined);
  }
}

interface Server {
  readonly number: number;
  readonly version: string;
  readonly encoding: string;
  readonly read_only: string;
  readonly isolation: string;
}

const SERVER = `select current_setting('server_version_num')::integer as number, current_setting('server_version') as version,
  current_setting('server_encoding') as encoding, current_setting('transaction_read_only') as read_only,
  current_setting('transaction_isolation') as isolation`;

async function prepare(
  config: pg.ClientConfig,
  location: string,
  { queues = ALL_QUEUES, absurdSql, onSchema }: OpenOptions,
): Promise<Pick<Ready, "schema" | "queues"> & { version: string }> {
  const client = new pg.Client(config);
  client.on("error", () => undefined);
  try {
    await client.connect();
    const server = (await client.query<Server>(SERVER)).rows[0]!;
    checkServer(server, location);
    const ready = await makeReady(client, { location, config, queues, absurdSql });
    onSchema?.(ready.absurd);
    return { ...ready, version: server.version };
  } catch (error) {
    throw translate(error, location);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function checkServer({ number, version, encoding, read_only, isolation }: Server, location: string): void {
  if (number < OLDEST_SERVER) {
    throw new ChironError("unavailable", `the server of ${location} is PostgreSQL ${version}; 13 or newer is needed`, {
      hint: "Use a newer server.",
    });
  }
  if (encoding !== "UTF8") {
    throw new ChironError("store_unwritable", `the database ${location} has the encoding ${encoding}; UTF8 is needed`, {
      hint: "Create a database with ENCODING 'UTF8'.",
    });
  }
  if (read_only === "on") {
    throw new ChironError("store_unwritable", `the database ${location} is read-only`, {
      hint: "Connect to the primary server; a replica or a read-only session cannot run workflows.",
    });
  }
  if (isolation !== "read committed") {
    // What waited for a lock must see what was committed meanwhile: else a wake-up could be lost.
    throw new ChironError("config_invalid", `transactions of the database ${location} are ${isolation} by default`, {
      hint: "Chiron needs read committed: alter role … set default_transaction_isolation = 'read committed'.",
    });
  }
}
