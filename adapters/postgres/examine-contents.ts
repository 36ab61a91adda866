// What `chiron db doctor` asks of the database: what this role may do, what holds old row versions back, and which tables have grown.
import { rowOf, type Check } from "./examination.ts";

const SCHEMAS = ["absurd", "chiron"];
const MANY_DEAD = 100_000;
const MIB = 1_024 * 1_024;

const RIGHTS = `
  select s.name, n.oid is not null as found, pg_get_userbyid(n.nspowner) as owner,
         has_database_privilege(current_database(), 'create') as may_create, current_user as role,
         case when n.oid is not null then has_schema_privilege(n.oid, 'usage') end as usable,
         (select string_agg(c.relname, ', ' order by c.relname) from pg_class c
          where c.relnamespace = n.oid and c.relkind in ('r', 'p') and not
            (has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert') and
             has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete'))) as closed
  from unnest($1::text[]) with ordinality s(name, place) left join pg_namespace n on n.nspname = s.name order by s.place`;

interface RightsRow {
  readonly name: string;
  readonly found: boolean;
  readonly owner: string | null;
  readonly may_create: boolean;
  readonly role: string;
  readonly usable: boolean | null;
  readonly closed: string | null;
}

export const checkRights: Check = async ({ client }) => {
  const { rows } = await client.query<RightsRow>(RIGHTS, [SCHEMAS]);
  const [{ role, may_create: mayCreate }] = rows as [RightsRow];
  const missing = rows.filter(({ found }) => !found).map(({ name }) => name);
  if (missing.length > 0 && !mayCreate) {
    const message = `schema ${missing.join(" and ")} is not there, and role ${role} may not create it`;
    return {
      status: "fail",
      message,
      fix: "Let a role that may run chiron db migrate once, or: grant create on database … to …;",
    };
  }
  const shut = rows.filter(({ found, usable }) => found && !usable).map(({ name }) => name);
  if (shut.length > 0) {
    const fix = "See the grants in docs/production.md.";
    return { status: "fail", message: `role ${role} may not use schema ${shut.join(" and ")}`, fix };
  }
  const closed = rows.flatMap(({ name, closed: tables }) => (tables === null ? [] : [`${name}: ${tables}`]));
  if (closed.length > 0) {
    const fix = "See the grants in docs/production.md.";
    return { status: "fail", message: `role ${role} may not read and write ${closed.join("; ")}`, fix };
  }
  const made = rows.filter(({ found }) => found).map(({ name, owner }) => `${name} (of ${owner})`);
  const there = made.length > 0 ? `may use ${made.join(", ")}` : "may create the schemas";
  return { status: "ok", message: `role ${role} ${there}` };
};

const OLDEST = `
  select what, seconds::integer from (
    select format('process %s (%s, %s)', pid, coalesce(nullif(application_name, ''), usename), state) as what,
           extract(epoch from now() - xact_start) as seconds
    from pg_stat_activity
    where xact_start is not null and (backend_xmin is not null or backend_xid is not null) and pid <> pg_backend_pid()
    union all
    select format('prepared transaction %s', gid), extract(epoch from now() - prepared) from pg_prepared_xacts
  ) x order by seconds desc limit 1`;
const SLOTS = `
  select string_agg(slot_name, ', ') as names from pg_replication_slots
  where not active and (xmin is not null or catalog_xmin is not null or restart_lsn is not null)`;

export const checkSnapshots: Check = async ({ client, oldSnapshotS }) => {
  const oldest = (await client.query<{ what: string; seconds: number }>(OLDEST)).rows[0];
  const { names } = await rowOf<{ names: string | null }>(client, SLOTS);
  if (names !== null) {
    const fix =
      "Drop the slot (pg_drop_replication_slot) or start its reader: the server keeps WAL and old rows for it until its disk is full.";
    return { status: "warn", message: `a replication slot is there that nobody reads: ${names}`, fix };
  }
  if (!oldest || oldest.seconds < oldSnapshotS) return { status: "ok", message: "no long transaction holds old rows" };
  const fix =
    "End it (pg_terminate_backend), or set idle_in_transaction_session_timeout: vacuum cannot clear up behind it.";
  return { status: "warn", message: `${oldest.what} has held a snapshot for ${oldest.seconds} s`, fix };
};

const FINISHED = `select case when to_regclass('chiron.tasks') is null then null
  else (select reltuples::bigint::double precision from pg_class where oid = to_regclass('chiron.tasks')) end as tasks,
  (select coalesce(sum(pg_total_relation_size(c.oid)), 0)::double precision from pg_class c
   join pg_namespace n on n.oid = c.relnamespace where n.nspname = any ($1) and c.relkind = 'r') as bytes`;

export const checkHistory: Check = async ({ client }) => {
  const { tasks, bytes } = await rowOf<{ tasks: number | null; bytes: number }>(client, FINISHED, [SCHEMAS]);
  if (tasks === null) return { status: "ok", message: "nothing is installed yet" };
  const size = `${Math.ceil(bytes / MIB)} MiB`;
  return {
    status: "ok",
    message: `${size}; about ${Math.max(0, tasks)} tasks are kept (engine.retention deletes old ones)`,
  };
};

const BLOATED = `
  select format('%I.%I', schemaname, relname) as name, n_dead_tup::double precision as dead, n_live_tup::double precision as live
  from pg_stat_user_tables where schemaname = any ($1) and n_dead_tup > greatest($2, n_live_tup) order by n_dead_tup desc limit 3`;

export const checkTables: Check = async ({ client }) => {
  const { on } = await rowOf<{ on: boolean }>(client, `select current_setting('autovacuum')::boolean as "on"`);
  if (!on)
    return { status: "fail", message: "autovacuum is off", fix: "Turn it on: queues grow without end otherwise." };
  const { rows } = await client.query<{ name: string; dead: number; live: number }>(BLOATED, [SCHEMAS, MANY_DEAD]);
  if (rows.length === 0) return { status: "ok", message: "no table has more dead rows than living ones" };
  const worst = rows.map(({ name, dead, live }) => `${name} ${dead} dead, ${live} living`).join("; ");
  const fix =
    "Look for old snapshots first; then VACUUM these tables, and lower autovacuum_vacuum_cost_delay if it falls behind.";
  return { status: "warn", message: worst, fix };
};
