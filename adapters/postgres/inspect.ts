// Looks at a store's database from outside, beside whoever works on it. Creates and changes nothing.
import pg from "pg";
import { relationsOf } from "./columns.ts";
import { look, migrations, type State } from "./migrate.ts";
import { lookOn } from "./onlooker.ts";

export interface QueueReport {
  readonly queue: string;
  /** How many tasks are in each state. */
  readonly tasks: Readonly<Record<string, number>>;
}

export interface PostgresReport {
  readonly kind: "postgres";
  readonly location: string;
  readonly version: string;
  /** Chiron's own schema; 0: not installed yet. */
  readonly schema: number;
  readonly knownSchema: number;
  /** Of both schemas, with indexes. */
  readonly bytes: number;
  readonly tasks: Readonly<Record<string, number>>;
  readonly ownerPid: null;
  readonly absurd: { readonly origin: "genuine" | "chiron" | "none"; readonly version: string | null };
  readonly queues: readonly QueueReport[];
  /** Runs that a process holds now. */
  readonly claims: number;
  /** Connections of Chiron's processes, where this role may see them. */
  readonly connections: number;
}

/** What our schema adds to the version whose interface it has. */
const OURS = /\+chiron\./;

const GENERAL = `select current_setting('server_version') as version,
  (select coalesce(sum(pg_total_relation_size(c.oid)), 0)::double precision from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where n.nspname in ('absurd', 'chiron') and c.relkind = 'r') as bytes,
  (select count(*)::integer from pg_stat_activity
   where application_name like 'chiron%' and application_name not like 'chiron db%' and datname = current_database()) as connections`;

/** Throws ChironError when the database cannot be reached or read. */
export function inspectPostgres(connectionString: string): Promise<PostgresReport> {
  return lookOn(connectionString, "chiron db status", async (client, location) => {
    const { rows } = await client.query<{ version: string; bytes: number; connections: number }>(GENERAL);
    const state = await look(client);
    const queues = await queuesOf(client, state);
    return {
      kind: "postgres",
      location,
      ...rows[0]!,
      schema: state.schema,
      knownSchema: migrations().at(-1)!.id,
      tasks: totals(queues),
      ownerPid: null,
      absurd: { origin: originOf(state.absurd), version: state.absurd },
      queues,
      claims: await claimsOf(client, state),
    };
  });
}

function originOf(version: string | null): PostgresReport["absurd"]["origin"] {
  if (version === null) return "none";
  return OURS.test(version) ? "chiron" : "genuine";
}

async function queuesOf(client: pg.Client, { queues }: State): Promise<QueueReport[]> {
  const reports: QueueReport[] = [];
  for (const queue of queues.toSorted()) {
    const { rows } = await client.query<{ state: string; count: number }>(
      `select state, count(*)::integer as count from absurd.${pg.escapeIdentifier(`t_${queue}`)} group by 1`,
    );
    reports.push({ queue, tasks: Object.fromEntries(rows.map(({ state, count }) => [state, count])) });
  }
  return reports;
}

function totals(queues: readonly QueueReport[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { tasks } of queues) {
    for (const [state, count] of Object.entries(tasks)) sums[state] = (sums[state] ?? 0) + count;
  }
  return sums;
}

async function claimsOf(client: pg.Client, { queues }: State): Promise<number> {
  if (queues.length === 0) return 0;
  const { rows } = await client.query<{ claims: number }>(
    `select count(*)::integer as claims from ${relationsOf(queues).runs} r where r.state = 'running'`,
  );
  return rows[0]!.claims;
}
