// A fresh Postgres database for each scenario, on the server that the configuration names or on the project's own, dropped when it is over.
import { randomBytes } from "node:crypto";
import path from "node:path";
import type { Config } from "./config/config.ts";
import type { Clock } from "./ports/clock.ts";
import type { Store } from "./ports/store.ts";

export interface TestDatabase {
  readonly url: string;
  /** The store, by this clock's time. */
  open(clock: Clock): Promise<Store>;
  drop(): Promise<void>;
}

export interface TestDatabases {
  create(): Promise<TestDatabase>;
  /** Ends the server that was started for them, if one was. */
  close(): Promise<void>;
}

/** Starts nothing before the first database is asked for. */
export function createTestDatabases(config: Config, folder: string): TestDatabases {
  let server: Promise<{ readonly url: string; stop(): Promise<void> }> | null = null;
  const start = async () => {
    if (config.databaseUrl !== undefined) return { url: config.databaseUrl, stop: () => Promise.resolve() };
    const { startPrivatePostgres } = await import("../adapters/postgres/private-server.ts");
    return startPrivatePostgres({ dir: path.join(folder, "pg"), log: () => undefined });
  };
  return {
    async create() {
      server ??= start();
      const { url } = await server;
      const { createDatabase, dropDatabase } = await import("../adapters/postgres/scratch-database.ts");
      const { openPostgres } = await import("../adapters/postgres/open.ts");
      const name = `chiron_test_${randomBytes(6).toString("hex")}`;
      const own = await createDatabase(url, name);
      return {
        url: own,
        open: (clock) => openPostgres({ connectionString: own, clock, applicationName: "chiron test", poolSize: 4 }),
        drop: () => dropDatabase(url, name),
      };
    },
    async close() {
      await (await server?.catch(() => null))?.stop();
    },
  };
}
