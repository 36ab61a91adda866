// A pass is one piece: whichever of its statements fails, nothing of it is in the store, and the next pass does it all.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { ManualClock } from "../contract/manual-clock.ts";
import { definition, ScheduleBench } from "../support/schedule-bench.ts";

const MINUTE = 60_000;
const WRITES = [
  "update on schedules",
  "insert on occurrences",
  "insert on start_keys",
  "insert on tasks",
  "insert on runs",
] as const;

test("a pass that fails at any of its statements leaves everything as it was, and the next one goes on", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "schedules-"));
  const clock = new ManualClock();
  const store = await openSqlite({ path: path.join(folder, "a.db"), clock, synchronous: "normal" });
  const saboteur = new Database(path.join(folder, "a.db"));
  const bench = new ScheduleBench(store, clock);
  try {
    await bench.declare(definition("a", { overlap: "queue" }));
    for (const [index, write] of WRITES.entries()) {
      const { version } = await bench.row("a");
      saboteur.exec(`CREATE TRIGGER fails BEFORE ${write} BEGIN SELECT RAISE(ABORT, 'fails here'); END`);
      await bench.pass(MINUTE);
      saboteur.exec("DROP TRIGGER fails");
      expect((await bench.row("a")).version, write).toBe(version);
      expect(await bench.records("a")).toHaveLength(index);
      expect(bench.faults().at(-1)).toContain("fails here");
      await bench.pass(0);
      expect(await bench.records("a")).toHaveLength(index + 1);
      await bench.work();
    }
    expect(await bench.tasks()).toHaveLength(WRITES.length);
  } finally {
    saboteur.close();
    await store.admin.close();
    fs.rmSync(folder, { recursive: true });
  }
});
