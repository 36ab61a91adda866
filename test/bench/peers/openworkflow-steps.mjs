// One OpenWorkflow run of many trivial steps: the median of three after one to warm up, measured from the handler's first step to its
// last, so that the time its worker takes to find a new run is left out.
import { OpenWorkflow } from "openworkflow";
import { BackendSqlite } from "openworkflow/sqlite";

const [file, countText] = process.argv.slice(2);
const count = Number(countText);
const backend = BackendSqlite.connect(file);
const client = new OpenWorkflow({ backend });
const rates = [];

const steps = client.defineWorkflow({ name: "bench_steps" }, async ({ step }) => {
  const started = performance.now();
  for (let number = 0; number < count; number += 1) await step.run({ name: `step ${number}` }, async () => 1);
  rates.push((count * 1_000) / (performance.now() - started));
  return count;
});

const worker = client.newWorker({ concurrency: 1 });
await worker.start();
for (let round = 0; round < 4; round += 1) await (await steps.run({})).result();
await worker.stop();
await backend.stop();
const [, middle] = rates.slice(1).toSorted((a, b) => a - b);
console.log(JSON.stringify({ stepsPerSecond: middle }));
