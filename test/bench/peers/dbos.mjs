// DBOS on Postgres: workflows started directly in one process, its quickest way; through one of its queues it is several times slower.
import { DBOS } from "@dbos-inc/dbos-sdk";
import { createWindow, windowArguments } from "./window.mjs";

const { url, inFlight, warmMs, measureMs } = windowArguments();

const steps = DBOS.registerWorkflow(
  async () => {
    let total = 0;
    for (let number = 0; number < 5; number += 1) {
      total += await DBOS.runStep(async () => 1, { name: `step ${number}` });
    }
    return total;
  },
  { name: "bench_steps" },
);

DBOS.setConfig({ name: "bench", systemDatabaseUrl: url, logLevel: "error", runAdminServer: false });
await DBOS.launch();
let ended = 0;
const load = createWindow({
  warmMs,
  measureMs,
  // What is started is under way at once.
  backlog: inFlight,
  start: async () => {
    const handle = await DBOS.startWorkflow(steps)();
    await handle.getResult();
    ended += 1;
    load.completed();
  },
  // A result is given out after it is on disk.
  counted: async () => ended,
});
await load.measure();
await DBOS.shutdown();
