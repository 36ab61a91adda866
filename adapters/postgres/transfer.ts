// A database's contents as plain rows, and an empty database filled with them: over one connection, in one transaction each.
import pg from "pg";
import { ChironError } from "../../src/core/errors.ts";
import {
  transferBatch,
  type TransferKind,
  type TransferRows,
  type TransferSource,
  type TransferTarget,
} from "../../src/ports/store-transfer.ts";
import { clientConfig } from "./database.ts";
import { translate } from "./errors.ts";
import { migrations } from "./migrate.ts";
import { locate, openPostgres } from "./open.ts";
import { createReaders, type Reader, type Readers } from "./transfer-read.ts";
import { BEGIN, createWriters, finishSql, type Queue, type Writers } from "./transfer-write.ts";

const SNAPSHOT = "begin isolation level repeatable read read only";
// Whoever serves this database may go on; nobody begins anything in it until the copy is whole.
const ALONE = "begin; lock table chiron.tasks, chiron.events, chiron.start_keys in share row exclusive mode";

const SCHEMA = `select case when to_regclass('chiron.migrations') is not null then 'there' end as there`;
const NUMBER = "select coalesce(max(id), 0) as id from chiron.migrations";
const QUEUES = `select queue as name, takes_events as "takesEvents" from chiron.queues order by position, queue`;

/** Throws ChironError not_found, store_newer, unavailable and what a connection may say. */
export async function openPostgresSource(connectionString: string): Promise<TransferSource> {
  const location = locate(connectionString);
  const client = await connect(connectionString, location);
  try {
    await client.query(SNAPSHOT);
    await checkSchema(client, location);
    const queues = await queuesOf(client);
    return new PostgresTransfer(client, location, queues, await userOf(client, queues));
  } catch (error) {
    await client.end();
    throw translate(error, location);
  }
}

/** Makes the schemas where there are none. */
export async function openPostgresTarget(connectionString: string): Promise<TransferTarget> {
  const location = locate(connectionString);
  await (await openPostgres({ connectionString })).admin.close();
  const client = await connect(connectionString, location);
  try {
    await client.query(ALONE);
    await client.query(BEGIN);
    return new PostgresTransfer(client, location, await queuesOf(client), null);
  } catch (error) {
    await client.end();
    throw translate(error, location);
  }
}

async function connect(connectionString: string, location: string): Promise<pg.Client> {
  // Large tables take as long as they take.
  const config = clientConfig({ connectionString, applicationName: "chiron db copy", statementTimeoutMs: 0 });
  const client = new pg.Client(config);
  client.on("error", () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    throw translate(error, location);
  }
}

async function checkSchema(client: pg.Client, location: string): Promise<void> {
  const there = (await client.query<{ there: string | null }>(SCHEMA)).rows[0]!.there !== null;
  const schema = there ? (await client.query<{ id: number }>(NUMBER)).rows[0]!.id : 0;
  const known = migrations().at(-1)!.id;
  if (schema === known) return;
  if (schema === 0) {
    throw new ChironError("not_found", `there is no store of Chiron in ${location}`, { hint: "Check the address." });
  }
  const which = `the store ${location} has schema ${schema}, this Chiron knows ${known}`;
  throw schema > known
    ? new ChironError("store_newer", which, { hint: "Use the Chiron that wrote it, or a newer one." })
    : new ChironError("conflict", which, { hint: 'Bring it up to date with "chiron db migrate --store postgres".' });
}

async function queuesOf(client: pg.Client): Promise<Queue[]> {
  return (await client.query<Queue>(QUEUES)).rows;
}

const CONNECTED = `select count(*)::integer as n from pg_stat_activity
  where datname = current_database() and application_name like 'chiron%' and application_name not like 'chiron db%'`;

/** Who is connected as far as this role may see, and claims that somebody holds. */
async function userOf(client: pg.Client, queues: readonly Queue[]): Promise<string | null> {
  const connected = (await client.query<{ n: number }>(CONNECTED)).rows[0]!.n;
  const each = queues.map(
    ({ name }) => `select count(*) as n from absurd.${pg.escapeIdentifier(`r_${name}`)}
      where state = 'running' and claim_expires_at > now()`,
  );
  const sum = `select coalesce(sum(n), 0)::integer as n from (${each.join(" union all ")}) x`;
  const claims = queues.length === 0 ? 0 : (await client.query<{ n: number }>(sum)).rows[0]!.n;
  if (connected === 0 && claims === 0) return null;
  return `Chiron's processes (${connected} connections, ${claims} runs in work)`;
}

class PostgresTransfer implements TransferTarget {
  readonly location: string;
  readonly user: string | null;
  readonly #client: pg.Client;
  readonly #queues: readonly Queue[];
  readonly #readers: Readers;
  readonly #writers: Writers;
  #open = true;

  constructor(client: pg.Client, location: string, queues: readonly Queue[], user: string | null) {
    this.#client = client;
    this.location = location;
    this.user = user;
    this.#queues = queues;
    this.#readers = createReaders(queues);
    this.#writers = createWriters(client, queues);
  }

  async *read<K extends TransferKind>(kind: K): AsyncGenerator<readonly TransferRows[K][]> {
    const reader = this.#readers[kind] as Reader<TransferRows[K]>;
    const cursor = pg.escapeIdentifier(`copy ${kind}`);
    try {
      await this.#client.query(`declare ${cursor} no scroll cursor for ${reader.sql}`);
      for (;;) {
        const { rows } = await this.#client.query<pg.QueryResultRow>(`fetch ${transferBatch(kind)} from ${cursor}`);
        if (rows.length === 0) break;
        yield rows.map((row) => reader.of(row));
      }
      await this.#client.query(`close ${cursor}`);
    } catch (error) {
      throw translate(error, this.location);
    }
  }

  async isEmpty(): Promise<boolean> {
    const tables = this.#queues.map(({ name }) => `absurd.${pg.escapeIdentifier(`t_${name}`)}`);
    tables.push(
      "chiron.tasks",
      "chiron.events",
      "chiron.start_keys",
      "chiron.logs",
      "chiron.schedules",
      "chiron.delivery_keys",
      "chiron.deliveries",
    );
    const some = tables.map((table) => `exists (select 1 from ${table})`).join(" or ");
    const { rows } = await this.#client.query<{ some: boolean }>(`select ${some} as some`);
    return !rows[0]!.some;
  }

  async write<K extends TransferKind>(kind: K, rows: readonly TransferRows[K][]): Promise<void> {
    try {
      await this.#writers[kind](rows);
    } catch (error) {
      throw translate(error, this.location);
    }
  }

  async commit(): Promise<void> {
    try {
      for (const sql of finishSql(this.#queues)) await this.#client.query(sql);
      await this.#client.query("commit");
    } catch (error) {
      throw translate(error, this.location);
    }
  }

  /** An open transaction ends with its connection. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#client.end();
  }
}
