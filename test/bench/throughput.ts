// Runs of five trivial sequential steps, 100 in flight, and what each costs. The same again with a slower disk.
import path from "node:path";
import { atMost, median, spread, type Bench, type Figure, type Section } from "./figures.ts";
import { killCheck } from "./kill.ts";
import { Load, type LoadOptions, type Round } from "./load.ts";
import { startServer, storeInUse } from "./server.ts";
import { canTrace, countedCalls } from "./trace.ts";

export const windowOf = ({ quick }: Bench): LoadOptions =>
  quick ? { warmMs: 1_000, measureMs: 1_500 } : { warmMs: 2_000, measureMs: 3_000 };

export const throughput: Section = {
  name: "throughput",
  title: "Runs of 5 trivial sequential steps, 100 in flight",
  async run(bench) {
    const rounds = await measureRounds(bench, path.join(bench.dir, "throughput"), bench.quick ? 2 : 5);
    return [...figuresOf(rounds), await fsyncsPerRun(bench), await killCheck(bench)];
  },
};

/** Several windows of one load on one server. */
async function measureRounds(bench: Bench, dir: string, count: number): Promise<Round[]> {
  const server = await startServer({ dir });
  const rounds: Round[] = [];
  try {
    const load = await Load.start(server);
    const { warmMs, measureMs } = windowOf(bench);
    for (let round = 0; round < count; round += 1) {
      rounds.push(await load.measure({ warmMs: round === 0 ? warmMs : 0, measureMs }));
      bench.say(`round ${round + 1}: ${Math.round(rounds.at(-1)!.runsPerSecond)} runs/s`);
    }
    await load.drain();
  } finally {
    await server.stop();
  }
  return rounds;
}

function figuresOf(rounds: readonly Round[]): Figure[] {
  const middle = (name: keyof Round): number => median(rounds.map((round) => round[name]));
  const rates = rounds.map((round) => round.runsPerSecond);
  const load = `${Math.round(middle("clientLoad") * 100)} % of a core`;
  return [
    { name: "runs/s", value: median(rates), unit: "/s", note: spread(rates) },
    { name: "CPU of the runtime per run", value: middle("runtimeCpuMs"), unit: "ms" },
    { name: "CPU of the Python processes per run", value: middle("hostCpuMs"), unit: "ms" },
    ...(storeInUse() === "postgres"
      ? [{ name: "CPU of Postgres per run", value: middle("databaseCpuMs"), unit: "ms" }]
      : []),
    { name: "CPU of the load generator per run", value: middle("clientCpuMs"), unit: "ms", note: load },
    { name: "commits per run", value: middle("commitsPerRun"), unit: "", target: atMost(0.3, 0.1) },
  ];
}

/** Counts the system calls themselves, in a load of its own, because being traced costs time. */
async function fsyncsPerRun(bench: Bench): Promise<Figure> {
  const figure = { name: "fsyncs per run", unit: "", target: atMost(0.3, 0.1) };
  if (!canTrace()) return { ...figure, value: null, note: "strace is missing or may not trace" };
  const output = path.join(bench.dir, "fsyncs.txt");
  const server = await startServer({ dir: path.join(bench.dir, "traced"), trace: { output } });
  try {
    const load = await Load.start(server);
    const { warmMs, measureMs } = windowOf(bench);
    await load.measure({ warmMs: 0, measureMs: warmMs });
    // Not from the start: making a cluster of Postgres writes a thousand files.
    const before = { calls: countedCalls(output), runs: load.completed };
    await load.measure({ warmMs: 0, measureMs });
    const runs = load.completed - before.runs;
    const calls = countedCalls(output) - before.calls;
    await load.drain();
    return { ...figure, value: calls / runs, note: `${runs} runs` };
  } finally {
    await server.stop();
  }
}
