// The composition root's part for `chiron db`: which adapter answers for which kind of store. Postgres is loaded when it is asked for.
import { REAL_CLOCK } from "../adapters/node/real-clock.ts";
import { inspectSqlite } from "../adapters/sqlite/inspect.ts";
import { migrations } from "../adapters/sqlite/migrate.ts";
import { openSqlite } from "../adapters/sqlite/open.ts";
import { openSqliteSource, openSqliteTarget } from "../adapters/sqlite/transfer.ts";
import type { DatabaseTools, PlannedSql } from "./cli/database-tools.ts";
import type { Diagnosis } from "./cli/examination.ts";
import type { StoreReport } from "./cli/wiring.ts";
import type { Config } from "./config/config.ts";
import { ChironError } from "./core/errors.ts";

/** Looks at the store that the configuration names; null: there is no such file. */
export async function inspectStore(config: Config): Promise<StoreReport | null> {
  if (config.storeKind === "sqlite") return inspectSqlite(config.storePath);
  const { inspectPostgres } = await import("../adapters/postgres/inspect.ts");
  return inspectPostgres(addressOf(config));
}

export const DATABASE_TOOLS: DatabaseTools = {
  async allSql(kind, config) {
    if (kind === "sqlite") return sqliteSteps(0);
    const { allSql } = await import("../adapters/postgres/plan.ts");
    return allSql(config.env["ABSURD_SQL"] || undefined);
  },
  async plan(config) {
    if (config.storeKind === "sqlite") {
      const schema = inspectSqlite(config.storePath)?.schema ?? 0;
      return { location: config.storePath, steps: sqliteSteps(schema) };
    }
    const { planPostgres } = await import("../adapters/postgres/plan.ts");
    return planPostgres(addressOf(config), config.env["ABSURD_SQL"] || undefined);
  },
  async migrate(config) {
    if (config.storeKind === "sqlite") {
      const store = await openSqlite({ path: config.storePath, clock: REAL_CLOCK, synchronous: config.synchronous });
      return store.admin.close();
    }
    const { openPostgres } = await import("../adapters/postgres/open.ts");
    const absurdSql = config.env["ABSURD_SQL"];
    const store = await openPostgres({
      connectionString: addressOf(config),
      applicationName: "chiron db migrate",
      // An index on a large table takes as long as it takes.
      statementTimeoutMs: 0,
      ...(absurdSql ? { absurdSql } : {}),
    });
    await store.admin.close();
  },
  examine,
  async openSource({ kind, place }) {
    if (kind === "sqlite") return openSqliteSource(place);
    const { openPostgresSource } = await import("../adapters/postgres/transfer.ts");
    return openPostgresSource(place);
  },
  async openTarget({ kind, place }) {
    if (kind === "sqlite") return openSqliteTarget(place, REAL_CLOCK);
    const { openPostgresTarget } = await import("../adapters/postgres/transfer.ts");
    return openPostgresTarget(place);
  },
};

function addressOf({ databaseUrl }: Config): string {
  if (databaseUrl !== undefined) return databaseUrl;
  throw new ChironError("config_invalid", "the store is Postgres, and there is no DATABASE_URL", {
    hint: "Set DATABASE_URL=postgres://user@host/database, or use --store sqlite.",
  });
}

function sqliteSteps(schema: number): PlannedSql[] {
  return migrations()
    .filter(({ id }) => id > schema)
    .map(({ id, name, sql }) => ({ schema: "sqlite", name: `${String(id).padStart(4, "0")}_${name}.sql`, sql }));
}

/** An SQLite file has little to examine: `chiron doctor` looks at its folder and disk. */
async function examine(config: Config): Promise<readonly Diagnosis[]> {
  if (config.storeKind === "postgres") {
    const { examinePostgres } = await import("../adapters/postgres/examine.ts");
    return examinePostgres({ connectionString: addressOf(config), poolSize: config.databasePool });
  }
  const report = inspectSqlite(config.storePath);
  if (!report) return [{ name: "store", status: "ok", message: `${config.storePath} does not exist yet` }];
  const message = `${report.location}, SQLite ${report.version}, schema ${report.schema}`;
  if (report.schema <= report.knownSchema) return [{ name: "store", status: "ok", message }];
  return [{ name: "store", status: "fail", message, fix: "It was written by a newer Chiron: use that one." }];
}
