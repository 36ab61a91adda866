// Prepared queries that stay compiled. With statistics compiled in, SQLite compiles a query again whenever a bound value could have
// changed its plan, which takes 5 to 20 times as long as running it. Behind a subquery a value cannot change the plan.
import type Database from "better-sqlite3";

/** What prepareQuery compiles, for whoever wants to see its plan. */
export function planned(sql: string): string {
  return sql.replaceAll(/\?/g, "(SELECT $&)");
}

/** Prepares a SELECT. Its parameters are plain `?` (better-sqlite3 takes numbered ones for names), and no text in it holds a question mark. */
export function prepareQuery<Params extends unknown[], Row>(
  db: Database.Database,
  sql: string,
): Database.Statement<Params, Row> {
  return db.prepare<Params, Row>(planned(sql)) as Database.Statement<Params, Row>;
}
