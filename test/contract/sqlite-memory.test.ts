// The store contract on SQLite in memory.
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { storeContract } from "./contract.ts";
import { ManualClock } from "./manual-clock.ts";

storeContract({
  name: "SQLite in memory",
  open: async () => {
    const clock = new ManualClock();
    return { clock, store: await openSqlite({ path: ":memory:", clock }) };
  },
});
