// One throw-away Postgres server for a test file, with a database that is emptied for every store: quicker than a new one each time.
import { afterAll } from "vitest";
import pg from "pg";
import { openPostgres, type OpenOptions } from "../../adapters/postgres/open.ts";
import { ALL_QUEUES } from "../../src/core/queues.ts";
import { bootPostgres, type ServerOptions, type TestDatabase, type TestServer } from "../support/postgres-server.ts";
import type { OpenedStore } from "./contract.ts";
import { ManualClock } from "./manual-clock.ts";

/** The contract's own queues beside the real ones. */
export const LAB_QUEUES = [...ALL_QUEUES, "other", "q2", "q3"];

const EMPTY = `do $$
declare
  rel record;
begin
  for rel in
    select schemaname, tablename from pg_tables
    where schemaname = 'absurd' and tablename <> 'queues'
       or schemaname = 'chiron' and tablename not in ('migrations', 'queues')
  loop
    execute format('delete from %I.%I', rel.schemaname, rel.tablename);
  end loop;
end $$`;

export interface Lab {
  server(): Promise<TestServer>;
  database(): Promise<TestDatabase>;
  /** An empty store on a clock that stands still. */
  open(options?: Partial<OpenOptions>): Promise<OpenedStore>;
  /** Runs one statement beside any store. */
  query<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
}

/** Must be called at the top of a test file; the server ends with the file. */
export function useLab(options: ServerOptions = {}): Lab {
  let server: Promise<TestServer> | null = null;
  let database: Promise<TestDatabase> | null = null;
  afterAll(async () => {
    await (await server)?.stop();
  });
  const lab: Lab = {
    server: () => (server ??= bootPostgres(options)),
    database: () => (database ??= lab.server().then((booted) => booted.createDatabase())),
    async open(more = {}) {
      const { connectionString } = await lab.database();
      const clock = new ManualClock();
      const store = await openPostgres({ connectionString, clock, queues: LAB_QUEUES, ...more });
      await lab.query(EMPTY);
      return { store, clock };
    },
    async query<Row extends object>(sql: string, values: unknown[] = []) {
      const client = new pg.Client((await lab.database()).connectionString);
      await client.connect();
      try {
        return (await client.query<Row>(sql, values)).rows;
      } finally {
        await client.end();
      }
    },
  };
  return lab;
}
