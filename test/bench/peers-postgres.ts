// Other engines on Postgres under the same load, in turns with Chiron: each with a server of its own on the same disk, fsync on. The best
// of them is what Chiron is compared with.
import fs from "node:fs";
import path from "node:path";
import { startPrivatePostgres } from "../../adapters/postgres/private-server.ts";
import { ABSURD_VERSION, absurdTool } from "../postgres/absurd-tool.ts";
import { atLeast, median, spread, type Bench, type Figure } from "./figures.ts";
import { loadOnce } from "./load.ts";
import { BACKLOG, runPeer, type PeerRound } from "./peer-script.ts";
import { IN_FLIGHT, startServer } from "./server.ts";
import { windowOf } from "./throughput.ts";

const ABSURD = `Absurd ${ABSURD_VERSION}`;

interface Peer {
  readonly name: string;
  readonly script: string;
  /** What the script needs in its new database. */
  prepare?(url: string): void;
}

export async function comparePostgresPeers(bench: Bench): Promise<Figure[]> {
  const { tool, reason } = absurdTool();
  const peers: readonly Peer[] = [
    { name: "OpenWorkflow", script: "openworkflow-postgres.mjs" },
    { name: "DBOS", script: "dbos.mjs" },
    ...(tool ? [{ name: ABSURD, script: "absurd.mjs", prepare: (url: string) => void tool(url, "init") }] : []),
  ];
  const missing = tool ? [] : [{ name: `${ABSURD}, runs/s`, value: null, unit: "/s", note: reason }];
  return [...missing, ...(await compare(bench, peers))];
}

async function compare(bench: Bench, peers: readonly Peer[]): Promise<Figure[]> {
  const ours: number[] = [];
  const theirs = peers.map((): PeerRound[] => []);
  for (let round = 0; round < (bench.quick ? 1 : 3); round += 1) {
    const dir = path.join(bench.dir, `peers-postgres-${round}`);
    for (const [index, peer] of peers.entries()) {
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
    ...peers.flatMap(({ name }, index) => figuresOf(name, theirs[index]!)),
    { name: "Chiron, runs/s", value: median(ours), unit: "/s", note: spread(ours) },
    {
      name: `Chiron against the best of them (${peers[best]!.name})`,
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

async function onOwnServer(dir: string, peer: Peer, bench: Bench): Promise<PeerRound> {
  fs.mkdirSync(dir, { recursive: true });
  const server = await startPrivatePostgres({ dir: path.join(dir, "pg"), log: () => undefined });
  try {
    peer.prepare?.(server.url);
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
