// A look at a database from outside the store: one connection, one read-only snapshot, a limit on how long it may take. Also through a
// pooler, so the limit is set inside the transaction and not at the start of the connection.
import pg from "pg";
import { clientConfig } from "./database.ts";
import { translate } from "./errors.ts";
import { locate } from "./open.ts";

const STATEMENT_TIMEOUT_MS = 30_000;

/** What `look` answers; the connection is gone by then. Throws ChironError. */
export async function lookOn<T>(
  connectionString: string,
  applicationName: string,
  look: (client: pg.Client, location: string) => Promise<T>,
): Promise<T> {
  const location = locate(connectionString);
  const client = new pg.Client(clientConfig({ connectionString, applicationName, statementTimeoutMs: 0 }));
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(
      `begin isolation level repeatable read read only; set local statement_timeout = ${STATEMENT_TIMEOUT_MS}`,
    );
    return await look(client, location);
  } catch (error) {
    throw translate(error, location);
  } finally {
    await client.end().catch(() => undefined);
  }
}
