// Databases that live as long as a test: made on the server that a connection string names, and dropped with everything in them.
import pg from "pg";
import { clientConfig } from "./database.ts";
import { translate } from "./errors.ts";
import { locate } from "./open.ts";

/** Makes an empty database beside the one of `url`; its own connection string. Throws ChironError forbidden without the right to. */
export async function createDatabase(url: string, name: string): Promise<string> {
  await order(url, `create database ${pg.escapeIdentifier(name)}`);
  // Not by URL: a host may be left out of a connection string, or stand in its query.
  return url.replace(/^(\w+:\/\/[^/?]*)(?:\/[^?]*)?/, `$1/${name}`);
}

/** Ends its connections and drops it. */
export async function dropDatabase(url: string, name: string): Promise<void> {
  await order(url, `drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
}

async function order(url: string, sql: string): Promise<void> {
  const client = new pg.Client(clientConfig({ connectionString: url, applicationName: "chiron test", statementTimeoutMs: 30_000 })); // prettier-ignore
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query(sql);
  } catch (error) {
    throw translate(error, locate(url));
  } finally {
    await client.end();
  }
}
