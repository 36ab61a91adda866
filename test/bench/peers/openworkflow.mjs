// OpenWorkflow under the same load: client and worker in one process, its own SQLite backend with its defaults. A run counts as
// completed when its handler returns, which is a little early and in the peer's favour; the store must agree at the end.
import { OpenWorkflow } from "openworkflow";
import { BackendSqlite } from "openworkflow/sqlite";

const [file, inFlightText, warmText, measureText, backlogText = inFlightText] = process.argv.slice(2);
const inFlight = Number(inFlightText);
const backlog = Number(backlogText);
const backend = BackendSqlite.connect(file);
const client = new OpenWorkflow({ backend });
let completed = 0;
let outstanding = 0;
let stopped = false;

const steps = client.defineWorkflow({ name: "bench_steps" }, async ({ step }) => {
  let total = 0;
  for (let number = 0; number < 5; number += 1) total += await step.run({ name: `step ${number}` }, async () => 1);
  completed += 1;
  outstanding -= 1;
  pump();
  return total;
});

function pump() {
  while (!stopped && outstanding < backlog) {
    outstanding += 1;
    steps.run({}).catch((error) => {
      console.error(error);
      process.exit(1);
    });
  }
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const worker = client.newWorker({ concurrency: inFlight });
await worker.start();
pump();
await wait(Number(warmText));
const before = { at: performance.now(), completed, cpu: cpuMs() };
await wait(Number(measureText));
const after = { at: performance.now(), completed, cpu: cpuMs() };
stopped = true;
while (outstanding > 0) await wait(20);
await worker.stop();
const counts = await backend.countWorkflowRuns();
await backend.stop();
const runs = after.completed - before.completed;
console.log(
  JSON.stringify({
    runsPerSecond: (runs * 1_000) / (after.at - before.at),
    cpuMs: (after.cpu - before.cpu) / runs,
    handled: completed,
    stored: counts.completed,
  }),
);
