// The store contract on an SQLite file.
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { storeContract } from "./contract.ts";
import { ManualClock } from "./manual-clock.ts";
import { makeFolder } from "./temp-folder.ts";

storeContract({
  name: "SQLite file",
  open: async () => {
    const clock = new ManualClock();
    const folder = makeFolder();
    // The contract says nothing about a loss of power, and the disks of test machines are slow.
    const store = await openSqlite({ path: folder.path("chiron.db"), clock, synchronous: "normal" });
    return { clock, store, dispose: () => folder.remove() };
  },
});
