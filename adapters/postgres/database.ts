// Statements on pooled connections, each its own transaction. Every statement has a time limit on the server and, a little later, one
// here; a connection that ran into the second, or broke, is thrown away. Answers driver errors as they are: errors.ts reads them.
import pg from "pg";
import type { Clock } from "../../src/ports/clock.ts";

export interface DatabaseOptions {
  readonly config: pg.ClientConfig;
  readonly poolSize: number;
  /** Moves the database's time to this clock's; null: the database keeps its own. */
  readonly time: Clock | null;
}

/** How much longer than the server the client waits: for an answer that is on its way. */
const CLIENT_GRACE_MS = 2_000;
const CONNECT_TIMEOUT_MS = 10_000;

const SET_TIME = "select set_config('absurd.fake_now', $1, false)";

/** Thrown before anything was sent. */
export class NotConnected extends Error {}

export class Database {
  readonly #pool: pg.Pool;
  readonly #time: Clock | null;
  /** The server processes that work for this pool. */
  readonly #serving = new Set<number>();
  #moments = 0;

  constructor(options: DatabaseOptions) {
    this.#time = options.time;
    this.#pool = new pg.Pool({ ...options.config, max: options.poolSize });
    // A connection that breaks while idle leaves the pool by itself; one that breaks in use fails its statement, which tells.
    this.#pool.on("error", () => undefined);
    // One that breaks while it is in use says so twice: to the statement, which answers for it, and to the process, which would end.
    this.#pool.on("connect", (client) => {
      client.on("error", () => undefined);
      this.#serving.add(processIdOf(client));
    });
    this.#pool.on("remove", (client) => this.#serving.delete(processIdOf(client)));
  }

  /** Whether this server process works for this pool. A pooler in between hides that: then none does. */
  readonly isServedBy = (processId: number): boolean => this.#serving.has(processId);

  /** Changes something; by the store's time. */
  write<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    return this.#query(sql, values, true);
  }

  read<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    return this.#query(sql, values, false);
  }

  /** Several statements in one transaction, by the store's time. */
  async transaction<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    let broken = true;
    try {
      if (this.#time) await client.query(SET_TIME, [this.#moment(this.#time)]);
      await client.query("begin");
      const answer = await work(client);
      await client.query("commit");
      broken = false;
      return answer;
    } finally {
      // A connection that is thrown away takes its open transaction with it.
      client.release(broken);
    }
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }

  async #connect(): Promise<pg.PoolClient> {
    return this.#pool.connect().catch((cause: unknown) => {
      throw new NotConnected("no connection", { cause });
    });
  }

  async #query<Row extends object>(sql: string, values: readonly unknown[], timed: boolean): Promise<Row[]> {
    const client = await this.#connect();
    let broken = true;
    try {
      if (timed && this.#time) await client.query(SET_TIME, [this.#moment(this.#time)]);
      const { rows } = await client.query<Row>(sql, [...values]);
      broken = false;
      return rows;
    } catch (error) {
      broken = !(error instanceof pg.DatabaseError) || error.severity !== "ERROR";
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /** The clock's millisecond and a rising fraction of it: statements of one moment keep their order, as they do in real time. */
  #moment(time: Clock): string {
    this.#moments = Math.min(999, this.#moments + 1);
    const micros = String(this.#moments).padStart(3, "0");
    return new Date(time.now()).toISOString().replace("Z", `${micros}Z`);
  }
}

/** Said by the server when the connection was made; the type does not have it. */
function processIdOf(client: pg.PoolClient): number {
  return (client as pg.PoolClient & { readonly processID: number }).processID;
}

export interface ConnectionOptions {
  readonly connectionString: string;
  readonly applicationName: string;
  /** 0: no limit. */
  readonly statementTimeoutMs: number;
}

/** The settings of every connection, in the pool and beside it. */
export function clientConfig(options: ConnectionOptions): pg.ClientConfig {
  return {
    connectionString: options.connectionString,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ...(options.statementTimeoutMs > 0
      ? {
          statement_timeout: options.statementTimeoutMs,
          query_timeout: options.statementTimeoutMs + CLIENT_GRACE_MS,
        }
      : {}),
  };
}
