// The hot queries keep their plans when the store is full of finished runs, before and after ANALYZE: no scan, no sort.
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DUE, NEXT_DUE, UNPARK } from "../../adapters/sqlite/claims.ts";
import { ENDED } from "../../adapters/sqlite/counts.ts";
import { FOREIGN, LAPSED } from "../../adapters/sqlite/expire.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { planned } from "../../adapters/sqlite/query.ts";
import { ACTIVE_NAMES, ACTIVE_OF } from "../../adapters/sqlite/reads.ts";
import { WAITERS } from "../../adapters/sqlite/waiting.ts";
import { Given, newTask } from "./given.ts";
import { ManualClock } from "./manual-clock.ts";
import { makeFolder } from "./temp-folder.ts";

const FINISHED = 3_000;

/** What each query may look like: its plan line by line. */
const PLANS: Record<string, readonly [sql: string, ...plan: RegExp[]]> = {
  claim: [
    planned(DUE),
    /^SEARCH r USING INDEX runs_due \(queue=\? AND available_at<\?\)/,
    /^SEARCH t USING INDEX sqlite_autoindex_tasks_1/,
  ],
  "next due": [planned(NEXT_DUE), /^SEARCH runs USING INDEX runs_due \(queue=\? AND available_at>\?\)/],
  waiters: [planned(WAITERS), /^SEARCH waits USING COVERING INDEX waits_by_target \(target=\? AND kind=\?\)/],
  "active names": [planned(ACTIVE_NAMES), /^SEARCH tasks USING COVERING INDEX tasks_by_end \(ended=\?\)/],
  "active tasks": [
    planned(ACTIVE_OF),
    /^SEARCH tasks USING COVERING INDEX tasks_by_end \(ended=\? AND workflow_name=\?\)/,
  ],
  counts: [planned(ENDED), /^SEARCH tasks USING COVERING INDEX tasks_by_end \(ended>\?\)/],
  unpark: [
    UNPARK,
    /^SEARCH runs USING INDEX sqlite_autoindex_runs_1/,
    /^LIST SUBQUERY/,
    /^SEARCH tasks USING INDEX tasks_by_end/,
  ],
  "lapsed claims": [planned(LAPSED), /^SCAN r USING INDEX runs_claimed/, /^SEARCH t /, /^USE TEMP B-TREE FOR ORDER BY/],
  "foreign claims": [
    planned(FOREIGN),
    /^SCAN r USING INDEX runs_claimed/,
    /^SEARCH t /,
    /^USE TEMP B-TREE FOR ORDER BY/,
  ],
};

const folder = makeFolder();
const file = folder.path("chiron.db");

beforeAll(async () => {
  const clock = new ManualClock();
  const store = await openSqlite({ path: file, clock, synchronous: "normal" });
  const given = new Given(store, clock);
  await store.tasks.enqueue(Array.from({ length: FINISHED }, () => newTask()));
  const runs = await given.claim({ limit: FINISHED });
  await store.progress.complete(runs.map((run) => ({ ...run, output: run.input })));
  await store.tasks.enqueue([newTask(), newTask()]);
  await store.admin.close();
});

afterAll(() => folder.remove());

describe.each(["as it is", "after ANALYZE"])("a store with many finished runs, %s", (when) => {
  it.each(Object.entries(PLANS))("%s keeps its plan", (_name, [sql, ...plan]) => {
    const db = new Database(file);
    if (when === "after ANALYZE") db.exec("ANALYZE");
    const lines = db.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...parametersOf(sql));
    db.close();
    // How a bound value is wrapped is no part of the plan.
    const details = lines
      .map(({ detail }) => detail)
      .filter((detail) => !/^SCALAR SUBQUERY|^SCAN CONSTANT ROW/.test(detail));
    expect(details).toHaveLength(plan.length);
    details.forEach((detail, index) => expect(detail).toMatch(plan[index]!));
  });
});

function parametersOf(sql: string): unknown[] {
  const numbered = new Set(sql.match(/\?\d/g) ?? []);
  const count = numbered.size > 0 ? numbered.size : (sql.match(/\?/g) ?? []).length;
  return Array.from({ length: count }, () => 1);
}
