// OpenWorkflow on Postgres: client and worker in one process, its backend with its defaults.
import { OpenWorkflow } from "openworkflow";
import { BackendPostgres } from "openworkflow/postgres";
import { createWindow, windowArguments } from "./window.mjs";

const { url, inFlight, ...sizes } = windowArguments();
// Its driver takes a unix socket from the environment only.
const { hostname, username, pathname } = new URL(url);
process.env.PGHOST = decodeURIComponent(hostname);
process.env.PGUSER = username;
const backend = await BackendPostgres.connect(`postgres://${pathname}`);
const client = new OpenWorkflow({ backend });

const steps = client.defineWorkflow({ name: "bench_steps" }, async ({ step }) => {
  let total = 0;
  for (let number = 0; number < 5; number += 1) total += await step.run({ name: `step ${number}` }, async () => 1);
  load.completed();
  return total;
});

const load = createWindow({
  ...sizes,
  start: () => steps.run({}),
  counted: async () => (await backend.countWorkflowRuns()).completed,
});
const worker = client.newWorker({ concurrency: inFlight });
await worker.start();
await load.measure();
await worker.stop();
await backend.stop();
