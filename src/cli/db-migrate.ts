// `chiron db migrate` and `chiron db dump-sql`: the SQL that makes a store, to be read before it runs and to be run by hand.
import { ChironError } from "../core/errors.ts";
import type { CommandContext, CommonOptions } from "./command.ts";
import type { PlannedSql } from "./database-tools.ts";
import type { Output } from "./output.ts";

export interface MigrateOptions extends CommonOptions {
  readonly dryRun?: boolean;
}

export interface DumpOptions extends CommonOptions {
  readonly schema?: string;
}

export async function migrate(
  { wiring, output, config }: CommandContext,
  { dryRun = false }: MigrateOptions,
): Promise<void> {
  const { location, steps } = await wiring.database.plan(config);
  if (dryRun) {
    if (output.json) return output.printJson({ ok: true, location, applied: false, steps });
    output.note(steps.length > 0 ? `${steps.length} to apply to ${location}:` : `${location} is up to date`);
    return printSql(output, steps);
  }
  // Also when nothing is planned: an unfinished start of another process is met by the lock in there.
  await wiring.database.migrate(config);
  const names = steps.map(({ schema, name }) => ({ schema, name }));
  if (output.json) return output.printJson({ ok: true, location, applied: true, steps: names });
  for (const { schema, name } of steps) output.print(`applied ${schema} ${name}`);
  output.print(`${location} is up to date`);
}

export async function dumpSql({ wiring, output, config }: CommandContext, { schema }: DumpOptions): Promise<void> {
  const all = await wiring.database.allSql(config.storeKind, config);
  const schemas = [...new Set(all.map((step) => step.schema))];
  if (schema !== undefined && !schemas.includes(schema)) {
    throw new ChironError("bad_request", `a ${config.storeKind} store has no schema ${schema}`, {
      hint: `Schemas: ${schemas.join(", ")}.`,
    });
  }
  const steps = all.filter((step) => schema === undefined || step.schema === schema);
  if (output.json) output.printJson({ ok: true, steps });
  else printSql(output, steps);
}

/** A script for psql: every step with its name, and each brings its own transaction. */
function printSql(output: Output, steps: readonly PlannedSql[]): void {
  for (const { schema, name, sql } of steps) output.print(`-- ${schema}: ${name}\n${sql.trimEnd()}\n`);
}
