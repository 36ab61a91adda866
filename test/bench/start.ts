// From the start of the process to the end of a first run, on a new store and on one that is there already; and what it then holds.
import path from "node:path";
import { atMost, median, spread, type Section } from "./figures.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { childrenOf, residentMib } from "./processes.ts";
import { startServer, type Server } from "./server.ts";

/** Long enough for start-up's garbage and timers to be over. */
const IDLE_MS = 3_000;

export const start: Section = {
  name: "start",
  title: "Process start to first run finished; memory when idle",
  async run(bench) {
    const rounds = bench.quick ? 3 : 7;
    const again = path.join(bench.dir, "start");
    const fresh: number[] = [];
    const existing: number[] = [];
    const ready: number[] = [];
    await startAndRun(again);
    for (let round = 0; round < rounds; round += 1) {
      fresh.push((await startAndRun(path.join(bench.dir, `start-${round}`))).ms);
      const one = await startAndRun(again);
      existing.push(one.ms);
      ready.push(one.readyMs);
    }
    const target = atMost(350, 200);
    return [
      {
        name: "start to first run finished, existing store",
        value: median(existing),
        unit: "ms",
        target,
        note: spread(existing),
      },
      { name: "start to first run finished, new store", value: median(fresh), unit: "ms", target, note: spread(fresh) },
      { name: "start to ready, existing store", value: median(ready), unit: "ms", note: spread(ready) },
      ...(await idleMemory(again)),
    ];
  },
};

async function startAndRun(dir: string): Promise<{ ms: number; readyMs: number }> {
  const started = performance.now();
  const server = await startServer({ dir });
  try {
    return { ms: (await runOne(server)) - started, readyMs: server.readyMs };
  } finally {
    await server.stop();
  }
}

async function runOne(server: Server): Promise<number> {
  const runs = await OneAtATime.open(server);
  const { completedAt } = await runs.run("bench_steps");
  runs.close();
  return completedAt;
}

async function idleMemory(dir: string) {
  const server = await startServer({ dir });
  try {
    await runOne(server);
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const hosts = childrenOf(server.pid);
    const runtime = residentMib(server.pid);
    const host = hosts[0] === undefined ? null : residentMib(hosts[0]);
    const value = runtime === null || host === null ? null : runtime + host;
    const note = `runtime ${runtime?.toFixed(0)}, host ${host?.toFixed(0)}, hosts running ${hosts.length}`;
    return [{ name: "idle memory, runtime and one host", value, unit: "MiB", target: atMost(130, 100), note }];
  } finally {
    await server.stop();
  }
}
