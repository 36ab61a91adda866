// Every statement that makes a store, to be read before it runs, and which of them a database still lacks.
import { readFileSync } from "node:fs";
import pg from "pg";
import { ALL_QUEUES } from "../../src/core/queues.ts";
import { ADDITIONS, checkVersions, look, migrations, sqlFiles, takesEvents } from "./migrate.ts";
import { lookOn } from "./onlooker.ts";

export interface PlannedSql {
  readonly schema: "absurd" | "chiron";
  readonly name: string;
  readonly sql: string;
}

export interface Plan {
  readonly location: string;
  /** In the order in which they run; each is a transaction of its own. */
  readonly steps: readonly PlannedSql[];
}

/** All of it, for a database that has nothing yet. `absurdSql` names a file with Absurd's own schema to use instead of ours. */
export function allSql(absurdSql?: string): PlannedSql[] {
  return [...absurdSteps(absurdSql), additions(), ...chironSteps(0), ...queueSteps([])];
}

/** Throws what the store's opening would: store_newer, unavailable, unauthenticated … */
export function planPostgres(connectionString: string, absurdSql?: string): Promise<Plan> {
  return lookOn(connectionString, "chiron db migrate", async (client, location) => {
    const state = await look(client);
    const latest = migrations().at(-1)!.id;
    checkVersions(state, latest, location);
    const rest = [...chironSteps(state.schema), ...queueSteps(state.queues)];
    // A database that is ready is only looked at: the additions come along with something else.
    if (rest.length === 0) return { location, steps: [] };
    return { location, steps: [...(state.absurd === null ? absurdSteps(absurdSql) : []), additions(), ...rest] };
  });
}

function absurdSteps(file: string | undefined): PlannedSql[] {
  if (file !== undefined) return [{ schema: "absurd", name: file, sql: readFileSync(file, "utf8") }];
  return sqlFiles("absurd/").map(({ file: name, sql }) => ({ schema: "absurd", name, sql }));
}

function additions(): PlannedSql {
  const sql = readFileSync(new URL(`./sql/${ADDITIONS}`, import.meta.url), "utf8");
  return { schema: "absurd", name: ADDITIONS.slice("absurd/".length), sql };
}

function chironSteps(schema: number): PlannedSql[] {
  return sqlFiles("chiron/")
    .filter(({ file }) => Number.parseInt(file, 10) > schema)
    .map(({ file: name, sql }) => ({ schema: "chiron", name, sql }));
}

function queueSteps(there: readonly string[]): PlannedSql[] {
  return ALL_QUEUES.flatMap((queue, place) => {
    if (there.includes(queue)) return [];
    const values = `${pg.escapeLiteral(queue)}, ${place}, ${takesEvents(queue)}`;
    return [{ schema: "chiron" as const, name: `queue ${queue}`, sql: `select chiron.serve_queue(${values});\n` }];
  });
}
