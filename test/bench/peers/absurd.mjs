// Absurd with its TypeScript worker, spawning and working in one process. Its own tool has made its schema before.
import { Absurd } from "absurd-sdk";
import { createWindow, windowArguments } from "./window.mjs";

const { url, inFlight, ...sizes } = windowArguments();
const app = new Absurd({ db: url, queueName: "bench" });
await app.createQueue();
let ended = 0;
app.registerTask({ name: "bench_steps" }, async (_params, ctx) => {
  let total = 0;
  for (let number = 0; number < 5; number += 1) total += await ctx.step(`step ${number}`, async () => 1);
  ended += 1;
  load.completed();
  return total;
});
const load = createWindow({
  ...sizes,
  start: () => app.spawn("bench_steps", {}),
  counted: async () => ended,
});
const worker = await app.startWorker({
  concurrency: inFlight,
  batchSize: inFlight,
  pollInterval: 0.02,
  claimTimeout: 120,
});
await load.measure();
await worker.close();
await app.close();
