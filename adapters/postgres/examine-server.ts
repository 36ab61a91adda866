// What `chiron db doctor` asks of the server itself: version, role, settings, room for connections, time.
import { rowOf, type Check } from "./examination.ts";

/** Its functions are what both schemas are written with. */
export const OLDEST_MAJOR = 13;
const CLOCK_WARN_MS = 2_000;
/** Two replicas, and one more while they are replaced. */
const REPLICAS = 3;

export const checkVersion: Check = async ({ client }) => {
  const { version, number } = await rowOf<{ version: string; number: number }>(
    client,
    "select current_setting('server_version') as version, current_setting('server_version_num')::integer as number",
  );
  const message = `PostgreSQL ${version}`;
  if (number >= OLDEST_MAJOR * 10_000) return { status: "ok", message };
  return { status: "fail", message, fix: `Use PostgreSQL ${OLDEST_MAJOR} or newer.` };
};

export const checkWritable: Check = async ({ client }) => {
  const { replica, readonly } = await rowOf<{ replica: boolean; readonly: boolean }>(
    client,
    "select pg_is_in_recovery() as replica, current_setting('transaction_read_only')::boolean as readonly",
  );
  if (replica) {
    return { status: "fail", message: "this server is a replica", fix: "Connect to the primary server." };
  }
  if (!readonly) return { status: "ok", message: "the primary server, transactions may write" };
  const fix = "Look for default_transaction_read_only on the server, the database or the role.";
  return { status: "fail", message: "transactions are read-only here", fix };
};

export const checkIsolation: Check = async ({ client }) => {
  const { isolation } = await rowOf<{ isolation: string }>(
    client,
    "select current_setting('transaction_isolation') as isolation",
  );
  if (isolation === "read committed") return { status: "ok", message: isolation };
  const fix = "alter role … set default_transaction_isolation = 'read committed', for Chiron's role.";
  return { status: "fail", message: `transactions are ${isolation} by default`, fix };
};

export const checkEncoding: Check = async ({ client }) => {
  const { encoding } = await rowOf<{ encoding: string }>(
    client,
    "select current_setting('server_encoding') as encoding",
  );
  if (encoding === "UTF8") return { status: "ok", message: encoding };
  return {
    status: "fail",
    message: encoding,
    fix: "Create the database with encoding UTF8: other ones cannot hold every text.",
  };
};

export const checkSafety: Check = async ({ client }) => {
  const { rows } = await client.query<{ name: string; setting: string }>(
    "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by name",
  );
  const off = rows.filter(({ setting }) => setting === "off").map(({ name }) => `${name} = off`);
  if (off.length === 0) return { status: "ok", message: "a commit survives a loss of power" };
  const fix = "Turn it on: acknowledged work can be lost, and without fsync or full_page_writes the database as well.";
  return { status: "warn", message: off.join(", "), fix };
};

const ROOM = `select current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer as room,
  (select count(*)::integer from pg_stat_activity where backend_type = 'client backend') as used`;

export const checkConnections: Check = async ({ client, poolSize }) => {
  const { room, used } = await rowOf<{ room: number; used: number }>(client, ROOM);
  const each = poolSize + 1;
  const message = `${used} of ${room} in use; one process of Chiron takes up to ${each}`;
  if (room - used >= each * REPLICAS) return { status: "ok", message };
  const fix = `Raise max_connections, or lower store.pool: two replicas and a third during a deploy need ${each * REPLICAS}.`;
  return { status: room - used < each ? "fail" : "warn", message, fix };
};

export const checkClock: Check = async ({ client }) => {
  const before = Date.now();
  const { now } = await rowOf<{ now: number }>(
    client,
    "select (extract(epoch from clock_timestamp()) * 1000)::double precision as now",
  );
  const after = Date.now();
  const ahead = Math.round(now < before ? now - before : now > after ? now - after : 0);
  const side = ahead > 0 ? "ahead of" : "behind";
  if (Math.abs(ahead) < CLOCK_WARN_MS) {
    return { status: "ok", message: `${Math.abs(ahead)} ms from this machine's, asked in ${after - before} ms` };
  }
  // Leases and sleeps go by the server's clock, so work is right; what a person reads beside it is not.
  const fix = "Turn time synchronisation on, on both. Runs follow the server's clock; log lines follow this machine's.";
  return { status: "warn", message: `${Math.abs(ahead)} ms ${side} this machine's`, fix };
};
