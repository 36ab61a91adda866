// Signed deliveries: what the endpoint takes with and without storage, in turns on the same machine, and a minute of 1,000 a second into a
// real server that runs what they start.
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { EventCounter } from "./client.ts";
import { atLeast, atMost, median, quantile, spread, type Bench, type Figure, type Section } from "./figures.ts";
import { BENCH_SECRET, HookLoad, type Burst } from "./hook-load.ts";
import { startServer } from "./server.ts";

const SERVER = fileURLToPath(new URL("hook-server.ts", import.meta.url));
/** A burst comes from many senders at once, each on a connection of its own. */
const CONNECTIONS = 256;
const RATE = 1_000;

export const webhooks: Section = {
  name: "webhooks",
  title: "Signed webhook deliveries",
  async run(bench) {
    return [...(await endpoint(bench)), ...(await burst(bench))];
  },
};

async function endpoint(bench: Bench): Promise<Figure[]> {
  const rounds = bench.quick ? 2 : 4;
  const rates: Record<"none" | "store", number[]> = { none: [], store: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const mode of ["none", "store"] as const) {
      rates[mode].push(await rateOf(bench, mode, round));
      bench.say(`${mode === "none" ? "without storage" : "durable"}: ${Math.round(rates[mode].at(-1)!)} posts/s`);
    }
  }
  const [plain, durable] = [median(rates.none), median(rates.store)];
  return [
    { name: "posts/s without storage", value: plain, unit: "/s", note: spread(rates.none) },
    { name: "posts/s, durable before acknowledged", value: durable, unit: "/s", note: spread(rates.store) },
    { name: "durable against without storage", value: (durable / plain) * 100, unit: "%", target: atLeast(60, 80) },
  ];
}

async function rateOf(bench: Bench, mode: "none" | "store", round: number): Promise<number> {
  const dir = path.join(bench.dir, `hooks-${mode}-${round}`);
  fs.mkdirSync(dir, { recursive: true });
  const child = spawn(process.execPath, [SERVER, mode, dir], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  try {
    const said = once(createInterface({ input: child.stdout }), "line") as Promise<[string]>;
    const failed = ended.then(() => Promise.reject(new Error("the endpoint ended before it listened")));
    const [line] = await Promise.race([said, failed]);
    const load = await HookLoad.open(Number(line), CONNECTIONS);
    await load.flood(bench.quick ? 500 : 1_000);
    const { sent, statuses, seconds } = await load.flood(bench.quick ? 1_500 : 3_000);
    load.close();
    if ((statuses.get(202) ?? 0) !== sent) throw new Error(`answers ${JSON.stringify([...statuses])}`);
    return sent / seconds;
  } finally {
    child.stdin.end();
    await ended;
  }
}

async function burst(bench: Bench): Promise<Figure[]> {
  const dir = path.join(bench.dir, "burst");
  fs.mkdirSync(dir, { recursive: true });
  fs.writeFileSync(path.join(dir, ".env"), `BENCH_HOOK_SECRET="${BENCH_SECRET}"\n`);
  const server = await startServer({ dir });
  try {
    const { load, completed } = await openBurst(server.port);
    await load.steady(RATE, 1_000);
    const before = await server.metric("chiron_store_commits_total");
    const ms = bench.quick ? 5_000 : 60_000;
    bench.say(`${RATE} posts/s for ${ms / 1_000} s`);
    const sent = await load.steady(RATE, ms);
    const commits = (await server.metric("chiron_store_commits_total")) - before;
    await completed(sent.sent + RATE);
    load.close();
    return burstFigures(sent, commits);
  } finally {
    await server.stop();
  }
}

/** The load, and a wait for the runs that it starts. */
export async function openBurst(port: number) {
  let done = 0;
  let goal: { readonly runs: number; readonly resolve: () => void } | null = null;
  const fault = Promise.withResolvers<never>();
  fault.promise.catch(() => undefined);
  const events = await EventCounter.open(port, {
    "run.completed": (count) => {
      done += count;
      if (goal && done >= goal.runs) goal.resolve();
    },
  });
  events.lost = fault.reject;
  const load = await HookLoad.open(port, CONNECTIONS);
  const completed = async (runs: number): Promise<void> => {
    if (done < runs) await Promise.race([new Promise<void>((resolve) => (goal = { runs, resolve })), fault.promise]);
    events.close();
  };
  return { load, completed };
}

function burstFigures({ sent, statuses, latencies }: Burst, commits: number): Figure[] {
  const failed = sent - (statuses.get(202) ?? 0);
  const name = `burst of ${RATE} posts/s:`;
  return [
    { name: `${name} not acknowledged, or not run`, value: failed, unit: "", target: atMost(0, 0), note: `of ${sent}` },
    { name: `${name} POST to 202, p50`, value: quantile(latencies, 0.5), unit: "ms" },
    { name: `${name} POST to 202, p99`, value: quantile(latencies, 0.99), unit: "ms" },
    { name: `${name} commits a delivery, run included`, value: commits / sent, unit: "" },
  ];
}
