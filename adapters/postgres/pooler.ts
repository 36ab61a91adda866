// Whether something between us and the server lends its sessions out by the transaction, as PgBouncer does in that mode: what belongs to
// a session (notifications, settings) then means nothing.
import type pg from "pg";

/** A busy pooler may happen to give both the one they had. */
const ROUNDS = 3;

export interface Between {
  readonly client: pg.Client;
  /** One more connection on the same way. */
  readonly connect: () => Promise<pg.Client>;
}

/**
 * Behind a pooler in transaction mode a session between two transactions has no server process of its own: while another connection is
 * inside a transaction that took the one we had, we get another.
 */
export async function lendsByTransaction({ client, connect }: Between): Promise<boolean> {
  const other = await connect();
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const first = await backendOf(client);
      await other.query("begin");
      const theirs = await backendOf(other);
      const second = await backendOf(client);
      await other.query("rollback");
      if (first !== second || first === theirs) return true;
    }
    return false;
  } finally {
    await other.end();
  }
}

async function backendOf(client: pg.Client): Promise<number> {
  return (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!.pid;
}
