// The same load on a store that holds 100,000 finished runs, also with SQLite's statistics about them, against an empty store.
import fs from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { REAL_CLOCK } from "../../adapters/node/real-clock.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import { queueOf } from "../../src/core/queues.ts";
import type { Store } from "../../src/ports/store.ts";
import { atLeast, median, type Bench, type Figure, type Section } from "./figures.ts";
import { loadOnce, type Round } from "./load.ts";
import { startServer } from "./server.ts";
import { windowOf } from "./throughput.ts";

const FINISHED = 100_000;
const BATCH = 500;
const WORKFLOW = "bench_steps";
const STEPS = ["step 0", "step 1", "step 2", "step 3", "step 4"];

export const fullStore: Section = {
  name: "full-store",
  title: `Runs/s with ${FINISHED.toLocaleString("en")} finished runs in the store, against an empty one`,
  async run(bench) {
    const count = bench.quick ? FINISHED / 10 : FINISHED;
    const full = path.join(bench.dir, "full");
    const analysed = path.join(bench.dir, "analysed");
    bench.say(`writing ${count.toLocaleString("en")} finished runs`);
    await fill(fileIn(full), count);
    fs.mkdirSync(path.dirname(fileIn(analysed)), { recursive: true });
    fs.copyFileSync(fileIn(full), fileIn(analysed));
    analyse(fileIn(analysed));
    const rounds = { empty: [] as Round[], full: [] as Round[], analysed: [] as Round[] };
    // In turns, so that what else the machine does meets all three alike.
    for (let turn = 0; turn < (bench.quick ? 1 : 4); turn += 1) {
      rounds.empty.push(await loaded(bench, path.join(bench.dir, `empty-${turn}`)));
      rounds.full.push(await loaded(bench, full));
      rounds.analysed.push(await loaded(bench, analysed));
    }
    return figuresOf(rounds);
  },
};

interface Rounds {
  readonly empty: readonly Round[];
  readonly full: readonly Round[];
  readonly analysed: readonly Round[];
}

function figuresOf({ empty, full, analysed }: Rounds): Figure[] {
  const target = atLeast(0.9, 0.97);
  const rate = (rounds: readonly Round[]): number => median(rounds.map((round) => round.runsPerSecond));
  // Hardly moves when the machine is busy with something else.
  const cpu = (rounds: readonly Round[]): string => median(rounds.map((round) => round.runtimeCpuMs)).toFixed(3);
  const against = (name: string, rounds: readonly Round[]): Figure => ({
    name: `${name} against empty, median of turns`,
    value: median(rounds.map((round, turn) => round.runsPerSecond / empty[turn]!.runsPerSecond)),
    unit: "x",
    target,
    note: `CPU of the runtime per run: ${cpu(rounds)} ms, empty ${cpu(empty)}`,
  });
  return [
    { name: "runs/s, empty store", value: rate(empty), unit: "/s" },
    { name: "runs/s, full store", value: rate(full), unit: "/s" },
    against("full", full),
    against("full after ANALYZE", analysed),
  ];
}

function fileIn(dir: string): string {
  return path.join(dir, ".chiron", "chiron.db");
}

async function loaded(bench: Bench, dir: string): Promise<Round> {
  const round = await loadOnce(() => startServer({ dir }), windowOf(bench));
  bench.say(
    `${path.basename(dir)}: ${Math.round(round.runsPerSecond)} runs/s, ${round.runtimeCpuMs.toFixed(3)} ms CPU`,
  );
  return round;
}

async function fill(file: string, count: number): Promise<void> {
  // Not durable while it is filled: it is only a beginning.
  const store = await openSqlite({ path: file, clock: REAL_CLOCK, synchronous: "normal" });
  for (let done = 0; done < count; done += BATCH) await finishBatch(store);
  await store.admin.close();
}

async function finishBatch({ tasks, claims, progress }: Store): Promise<void> {
  const queue = queueOf(WORKFLOW);
  const task = {
    queue,
    workflowName: WORKFLOW,
    input: toJsonText({}),
    maxAttempts: 5,
    cause: { kind: "api" },
  } as const;
  await tasks.enqueue(Array.from({ length: BATCH }, () => task));
  const [claimed] = await claims.claim([{ queue, limit: BATCH, leaseMs: 60_000, owner: "bench" }]);
  const refs = claimed!.map(({ runId, claimToken }) => ({ runId, claimToken }));
  const value = toJsonText(1);
  const writes = refs.flatMap((ref) =>
    STEPS.map((name) => ({ ...ref, name, value, durationMs: 0.01, position: "bench_steps.py:20", leaseMs: 60_000 })),
  );
  await progress.checkpoint(writes);
  await progress.complete(refs.map((ref) => ({ ...ref, output: toJsonText(5) })));
}

function analyse(file: string): void {
  const db = new Database(file);
  db.exec("ANALYZE");
  db.close();
}
