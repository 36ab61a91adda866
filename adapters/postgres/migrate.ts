// Makes a database ready: absurd's schema (the one that is there, the user's file, or ours), then Chiron's own, then its queues. One
// process at a time, whoever starts with it: the others wait and find the work done. A database that is ready is only looked at.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";
import { ChironError } from "../../src/core/errors.ts";
import { WORKFLOW_QUEUES } from "../../src/core/queues.ts";

export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
}

const FOLDER = new URL("./sql/", import.meta.url);
/** Additions that fit our absurd schema and the genuine one alike. */
export const ADDITIONS = "absurd/on_any_schema.sql";

export function sqlFiles(folder: string): { file: string; sql: string }[] {
  return readdirSync(new URL(folder, FOLDER))
    .filter((file) => /^\d+_.*\.sql$/.test(file))
    .toSorted()
    .map((file) => ({ file, sql: readFileSync(new URL(folder + file, FOLDER), "utf8") }));
}

/** All migrations of schema chiron in order. */
export function migrations(): Migration[] {
  return sqlFiles("chiron/").map(({ file, sql }) => ({
    id: Number.parseInt(file, 10),
    name: file.slice(file.indexOf("_") + 1, -".sql".length),
    sql,
  }));
}

export interface Readiness {
  readonly location: string;
  readonly config: pg.ClientConfig;
  readonly queues: readonly string[];
  /** A file with Absurd's own schema, for a database that has none. */
  readonly absurdSql?: string | undefined;
}

/** Which absurd schema the store works on, for a person. */
export interface AbsurdSchema {
  readonly version: string;
  readonly origin: "found" | "built-in" | "file";
  /** Of the user's file. */
  readonly sha256?: string;
}

export interface State {
  readonly absurd: string | null;
  readonly schema: number;
  readonly queues: readonly string[];
}

export interface Ready {
  readonly schema: number;
  readonly absurd: AbsurdSchema;
  /** Each queue with the number its functions end in. */
  readonly queues: ReadonlyMap<string, number>;
}

/** `client` is connected and idle. */
export async function makeReady(client: pg.Client, ready: Readiness): Promise<Ready> {
  const { schema, absurd } = await provide(client, ready);
  const { rows } = await client.query<{ queue: string; number: number }>("select queue, number from chiron.queues");
  const numbers = new Map(rows.map(({ queue, number }) => [queue, number]));
  return { schema, absurd, queues: new Map(ready.queues.map((queue) => [queue, numbers.get(queue)!])) };
}

async function provide(client: pg.Client, ready: Readiness): Promise<Omit<Ready, "queues">> {
  const known = migrations();
  const latest = known.at(-1)!.id;
  const isReady = ({ schema, queues }: State): boolean =>
    schema === latest && ready.queues.every((queue) => queues.includes(queue));
  const state = await look(client);
  checkVersions(state, latest, ready.location);
  if (isReady(state)) return { schema: latest, absurd: { version: state.absurd!, origin: "found" } };
  return alone(ready.config, async () => {
    const now = await look(client);
    checkVersions(now, latest, ready.location);
    const absurd = await provideAbsurd(client, now, ready);
    for (const { id, sql } of known) if (id > now.schema) await apply(client, sql);
    for (const [place, queue] of ready.queues.entries()) {
      if (now.queues.includes(queue)) continue;
      await client.query("select chiron.serve_queue($1, $2, $3)", [queue, place, takesEvents(queue)]);
    }
    return { schema: latest, absurd };
  });
}

/** Nothing sleeps in the schedules' queue, so no emit has to look there. */
export function takesEvents(queue: string): boolean {
  return (WORKFLOW_QUEUES as readonly string[]).includes(queue) || queue !== "centaur_workflow_schedules";
}

const LOOK = `select to_regprocedure('absurd.get_schema_version()') is not null as absurd, to_regclass('chiron.migrations') is not null as chiron,
  to_regclass('chiron.queues') is not null as queues`;

export async function look(client: pg.Client): Promise<State> {
  const there = (await client.query<{ absurd: boolean; chiron: boolean; queues: boolean }>(LOOK)).rows[0]!;
  const one = async <T>(sql: string): Promise<T> => (await client.query<{ value: T }>(sql)).rows[0]!.value;
  return {
    absurd: there.absurd ? await one<string>("select absurd.get_schema_version() as value") : null,
    schema: there.chiron ? await one<number>("select coalesce(max(id), 0) as value from chiron.migrations") : 0,
    queues: there.queues
      ? await one<string[]>("select coalesce(array_agg(queue), '{}') as value from chiron.queues")
      : [],
  };
}

export function checkVersions({ absurd, schema }: State, latest: number, location: string): void {
  if (schema > latest) {
    throw new ChironError(
      "store_newer",
      `the store ${location} has schema ${schema}, this Chiron knows up to ${latest}`,
      {
        hint: "Use the Chiron that wrote it, or a newer one.",
        details: { location, schema, known: latest },
      },
    );
  }
  const numbers = /^v?(\d+)\.(\d+)/.exec(absurd ?? "");
  if (!numbers) return;
  const [major, minor] = [Number(numbers[1]), Number(numbers[2])];
  if (major > 0) {
    throw new ChironError("store_newer", `the store ${location} has Absurd ${absurd}, this Chiron knows 0.3 to 0.x`, {
      hint: "Use a newer Chiron.",
      details: { location, absurd },
    });
  }
  if (minor < 3) {
    throw new ChironError("unavailable", `the store ${location} has Absurd ${absurd}; 0.3 or newer is needed`, {
      hint: "Bring its schema up to date with absurdctl migrate.",
      details: { location, absurd },
    });
  }
}

/** Runs `work` while a connection of its own holds the lock: a transaction's lock, so that it also holds behind a pooler. */
async function alone<T>(config: pg.ClientConfig, work: () => Promise<T>): Promise<T> {
  // Whoever is ahead may take longer than one statement may.
  const holder = new pg.Client({ ...config, statement_timeout: 0, query_timeout: 0 });
  holder.on("error", () => undefined);
  await holder.connect();
  try {
    await holder.query("begin");
    await holder.query("select pg_advisory_xact_lock(hashtextextended('chiron migrations', 0))");
    return await work();
  } finally {
    await holder.end().catch(() => undefined);
  }
}

async function provideAbsurd(client: pg.Client, { absurd }: State, { absurdSql }: Readiness): Promise<AbsurdSchema> {
  let origin: AbsurdSchema["origin"] = "found";
  let sha256: string | undefined;
  if (absurd === null && absurdSql !== undefined) {
    const text = readFileSync(absurdSql, "utf8");
    await apply(client, text);
    origin = "file";
    sha256 = createHash("sha256").update(text).digest("hex");
  } else if (absurd === null) {
    for (const { sql } of sqlFiles("absurd/")) await apply(client, sql);
    origin = "built-in";
  }
  await addToAny(client);
  const version = absurd ?? (await look(client)).absurd ?? "unknown";
  return { version, origin, ...(sha256 === undefined ? {} : { sha256 }) };
}

/** The additions only make things quicker: a role that may not make them works without. */
async function addToAny(client: pg.Client): Promise<void> {
  try {
    await apply(client, readFileSync(new URL(ADDITIONS, FOLDER), "utf8"));
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === "42501")) throw error;
  }
}

/** A file brings its own transaction. */
async function apply(client: pg.Client, sql: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}
