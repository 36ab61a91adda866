// What an examination of a server is made of: checks that ask over one connection, or between two, and answer one finding each.
import type pg from "pg";

export interface Finding {
  readonly name: string;
  readonly status: "ok" | "warn" | "fail";
  readonly message: string;
  /** What to do about it. */
  readonly fix?: string;
}

export interface Patient {
  readonly client: pg.Client;
  /** One more connection, for what shows only between two. */
  readonly connect: () => Promise<pg.Client>;
  /** Connections one process of Chiron takes. */
  readonly poolSize: number;
  /** How long a transaction may hold a snapshot. */
  readonly oldSnapshotS: number;
}

export type Check = (patient: Patient) => Promise<Omit<Finding, "name">>;

/** The one row of a query that has one. */
export async function rowOf<Row extends object>(client: pg.Client, sql: string, values: unknown[] = []): Promise<Row> {
  return (await client.query<Row & pg.QueryResultRow>(sql, values)).rows[0]!;
}
