// One run at a time, 300 of them: how long until a handler's first line runs, and until its result can be read over HTTP.
import path from "node:path";
import { atMost, quantile, type Figure, type Section } from "./figures.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { startServer, type Server } from "./server.ts";

interface Times {
  readonly firstCodeMs: number;
  readonly resultMs: number;
}

export const latency: Section = {
  name: "latency",
  title: "One run at a time: a POST, one step, a GET of the result",
  async run(bench) {
    const server = await startServer({ dir: path.join(bench.dir, "latency") });
    try {
      const times = await measure(server, 30, bench.quick ? 100 : 300);
      return figuresOf(times);
    } finally {
      await server.stop();
    }
  },
};

function figuresOf(times: readonly Times[]): Figure[] {
  const first = times.map((time) => time.firstCodeMs);
  const result = times.map((time) => time.resultMs);
  return [
    { name: "POST to first user code, p50", value: quantile(first, 0.5), unit: "ms", target: atMost(4, 2.5) },
    { name: "POST to first user code, p99", value: quantile(first, 0.99), unit: "ms", target: atMost(20, 8) },
    { name: "POST to result, p50", value: quantile(result, 0.5), unit: "ms", target: atMost(8, 5) },
    { name: "POST to result, p99", value: quantile(result, 0.99), unit: "ms", target: atMost(30, 12) },
  ];
}

async function measure(server: Server, warmUp: number, count: number): Promise<Times[]> {
  const runs = await OneAtATime.open(server);
  const times: Times[] = [];
  try {
    for (let index = -warmUp; index < count; index += 1) {
      const wall = wallClock();
      const { startedAt, output, readAt } = await runs.run("bench_clock");
      if (index >= 0) times.push({ firstCodeMs: Number(output) - wall(startedAt), resultMs: readAt - startedAt });
    }
  } finally {
    runs.close();
  }
  return times;
}

/** Turns a monotonic time into wall time with its fraction: Date.now alone knows whole milliseconds, so its next tick is waited for. */
function wallClock(): (at: number) => number {
  const before = Date.now();
  let now = before;
  while (now === before) now = Date.now();
  const offset = now - performance.now();
  return (at) => at + offset;
}
