// Other engines on Postgres under the same load, in turns with Chiron: each with a server of its own on the same disk, fsync on. The best
// of them is what Chiron is compared with.
import fs from "node:fs";
import path from "node:path";
import { openPostgres } from "../../adapters/postgres/open.ts";
import { startPrivatePostgres } from "../../adapters/postgres/private-server.ts";
import { atLeast, median, spread, type Bench, type Figure } from "./figures.ts";
import { loadOnce } from "./load.ts";
import { BACKLOG, runPeer, type PeerRound } from "./peer-script.ts";
import { IN_FLIGHT, startServer } from "./server.ts";
import { windowOf } from "./throughput.ts";

const PEERS = [
  { name: "OpenWorkflow", script: "openworkflow-postgres.mjs" },
  { name: "DBOS", script: "dbos.mjs" },
  { name: "Absurd's worker on Chiron's schema", script: "absurd.mjs", needsSchema: true },
] as const;

export async function comparePostgresPeers(bench: Bench): Promise<Figure[]> {
  const ours: number[] = [];
  const theirs = PEERS.map((): PeerRound[] => []);
  for (let round = 0; round < (bench.quick ? 1 : 3); round += 1) {
    const dir = path.join(bench.dir, `peers-postgres-${round}`);
    for (const [index, peer] of PEERS.entries()) {
      const measured = await onOwnServer(path.join(dir, peer.script), peer, bench);
      theirs[index]!.push(measured);
      bench.say(`${peer.name} ${Math.round(measured.runsPerSecond)} runs/s`);
    }
    ours.push((await loadOnce(() => startServer({ dir: path.join(dir, "chiron") }), windowOf(bench))).runsPerSecond);
    bench.say(`Chiron ${Math.round(ours.at(-1)!)} runs/s`);
  }
  const rates = theirs.map((rounds) => median(rounds.map((round) => round.runsPerSecond)));
  const best = rates.indexOf(Math.max(...rates));
  return [
    ...PEERS.flatMap(({ name }, index) => figuresOf(name, theirs[index]!)),
    { name: "Chiron, runs/s", value: median(ours), unit: "/s", note: spread(ours) },
    {
      name: `Chiron against the best of them (${PEERS[best]!.name})`,
      value: median(ours) / rates[best]!,
      unit: "x",
      target: atLeast(6, 10),
    },
  ];
}

function figuresOf(name: string, rounds: readonly PeerRound[]): Figure[] {
  const rates = rounds.map((round) => round.runsPerSecond);
  const cpu = median(rounds.map((round) => round.cpuMs));
  return [
    { name: `${name}, runs/s`, value: median(rates), unit: "/s", note: spread(rates) },
    { name: `${name}, CPU of its process per run`, value: cpu, unit: "ms", note: "the server's is not in it" },
  ];
}

async function onOwnServer(dir: string, peer: (typeof PEERS)[number], bench: Bench): Promise<PeerRound> {
  fs.mkdirSync(dir, { recursive: true });
  const server = await startPrivatePostgres({ dir: path.join(dir, "pg"), log: () => undefined });
  try {
    if ("needsSchema" in peer) await (await openPostgres({ connectionString: server.url })).admin.close();
    const { warmMs, measureMs } = windowOf(bench);
    const round = runPeer<PeerRound>([peer.script, server.url, IN_FLIGHT, warmMs, 3 * measureMs, BACKLOG]);
    if (round.stored !== round.handled) {
      throw new Error(`${peer.name} stored ${round.stored} of ${round.handled} runs`);
    }
    return round;
  } finally {
    await server.stop();
  }
}
