// Fired plus skipped equals the occurrences, on SQLite (invariant 18).
import { test } from "vitest";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { holdsForAll } from "../support/schedule-property.ts";

/** SCHEDULE_RUNS=5000 for a night. */
const RUNS = Number(process.env["SCHEDULE_RUNS"] ?? 60);

test(
  "no sequence of edits, pauses, kills, rivals and clock steps loses an occurrence or fires one twice",
  async () => {
    await holdsForAll(async () => {
      const clock = new ManualClock();
      const store = await openSqlite({ path: ":memory:", clock });
      return { store, clock, close: () => store.admin.close() };
    }, RUNS);
  },
  RUNS * 1_000,
);
