// Other engines under the same load, in turns with Chiron on the same disk and the same kind of store.
import fs from "node:fs";
import path from "node:path";
import { atLeast, median, spread, type Bench, type Figure, type Section, type Target } from "./figures.ts";
import { loadOnce, type LoadOptions } from "./load.ts";
import { longRuns, STEPS } from "./one-run.ts";
import { BACKLOG, installPeers, runPeer, type PeerRound } from "./peer-script.ts";
import { comparePostgresPeers } from "./peers-postgres.ts";
import { IN_FLIGHT, startServer, storeInUse } from "./server.ts";
import { windowOf } from "./throughput.ts";
import { canTrace, type Trace } from "./trace.ts";

export const peers: Section = {
  name: "peers",
  title: "Against other engines on the same kind of store: the same runs, machine and disk, in turns",
  onRequest: true,
  async run(bench) {
    installPeers(bench);
    if (storeInUse() === "postgres") return comparePostgresPeers(bench);
    const quick = await compare(bench, { suffix: "", target: atLeast(10, 20) });
    const long = await compareLongRuns(bench);
    if (!canTrace())
      return [...quick, ...long, { name: "with 1 ms more per fsync", value: null, unit: "x", note: "no strace" }];
    const slow = await compare(bench, { suffix: ", 1 ms more per fsync", delayMs: 1, target: atLeast(30, 60) });
    return [...quick, ...long, ...slow];
  },
};

interface Comparison {
  /** Ends the figures' names, and names the folders. */
  readonly suffix: string;
  readonly delayMs?: number;
  readonly target: Target;
}

async function compare(bench: Bench, { suffix, delayMs, target }: Comparison): Promise<Figure[]> {
  const ours: number[] = [];
  const theirs: PeerRound[] = [];
  for (let round = 0; round < (bench.quick ? 1 : 3); round += 1) {
    const dir = path.join(bench.dir, `peers-${delayMs ?? 0}-${round}`);
    fs.mkdirSync(dir);
    const trace = delayMs === undefined ? undefined : { output: "/dev/null", delayMs };
    theirs.push(openWorkflow(path.join(dir, "openworkflow.db"), windowOf(bench), trace));
    const start = () => startServer({ dir: path.join(dir, "chiron"), ...(trace ? { trace } : {}) });
    ours.push((await loadOnce(start, windowOf(bench))).runsPerSecond);
    bench.say(`OpenWorkflow ${Math.round(theirs.at(-1)!.runsPerSecond)}, Chiron ${Math.round(ours.at(-1)!)} runs/s`);
  }
  const rates = theirs.map((round) => round.runsPerSecond);
  const cpu = { name: "OpenWorkflow, CPU per run", value: median(theirs.map((round) => round.cpuMs)), unit: "ms" };
  return [
    { name: `OpenWorkflow, runs/s${suffix}`, value: median(rates), unit: "/s", note: spread(rates) },
    ...(delayMs === undefined ? [cpu] : []),
    { name: `Chiron, runs/s${suffix}`, value: median(ours), unit: "/s", note: spread(ours) },
    { name: `Chiron against OpenWorkflow${suffix}`, value: median(ours) / median(rates), unit: "x", target },
  ];
}

async function compareLongRuns(bench: Bench): Promise<Figure[]> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < (bench.quick ? 1 : 3); round += 1) {
    const dir = path.join(bench.dir, `peers-long-${round}`);
    fs.mkdirSync(dir);
    const { stepsPerSecond } = runPeer<{ stepsPerSecond: number }>([
      "openworkflow-steps.mjs",
      path.join(dir, "openworkflow.db"),
      STEPS,
    ]);
    theirs.push(stepsPerSecond);
    ours.push(median((await longRuns(path.join(dir, "chiron"), 3)).rates));
  }
  return [
    { name: "OpenWorkflow, steps/s of one run", value: median(theirs), unit: "/s", note: spread(theirs) },
    { name: "Chiron, steps/s of one run", value: median(ours), unit: "/s", note: spread(ours) },
    {
      name: "Chiron against OpenWorkflow, steps/s",
      value: median(ours) / median(theirs),
      unit: "x",
      target: atLeast(1.6, 2),
    },
  ];
}

function openWorkflow(file: string, { warmMs, measureMs }: LoadOptions, trace: Trace | undefined): PeerRound {
  // Its rounds end together, so a short window would count one more or one less of them.
  const round = runPeer<PeerRound>(["openworkflow.mjs", file, IN_FLIGHT, warmMs, 3 * measureMs, BACKLOG], trace);
  if (round.stored !== round.handled) throw new Error(`OpenWorkflow stored ${round.stored} of ${round.handled} runs`);
  return round;
}
