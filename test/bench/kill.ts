// A throughput figure counts only if acknowledged means kept: the runtime is killed in the middle of the load, and after a restart
// every run whose POST was answered must complete.
import path from "node:path";
import { Connection } from "./client.ts";
import { type Bench, type Figure } from "./figures.ts";
import { Load } from "./load.ts";
import { startServer, type Server } from "./server.ts";

const SETTLE_MS = 60_000;

export async function killCheck(bench: Bench): Promise<Figure> {
  const dir = path.join(bench.dir, "kill");
  const first = await startServer({ dir });
  const load = await Load.start(first);
  await load.measure({ warmMs: 0, measureMs: 1_500 });
  const inFlight = load.acknowledged.length - load.completed;
  await first.stop("SIGKILL");
  load.close();
  const second = await startServer({ dir });
  try {
    await settled(second);
    const completed = await completedRuns(second);
    const lost = load.acknowledged.filter((id) => !completed.has(id)).length;
    const note = `kill -9 with ${inFlight} in flight; ${load.acknowledged.length} acknowledged`;
    return {
      name: "acknowledged runs lost by a kill",
      value: lost,
      unit: "",
      target: { must: 0, aim: 0, better: "lower" },
      note,
    };
  } finally {
    await second.stop();
  }
}

/** Waits until nothing is pending, running or sleeping. */
async function settled(server: Server): Promise<void> {
  for (const end = performance.now() + SETTLE_MS; performance.now() < end;) {
    const states = ["pending", "running", "sleeping"].map((state) =>
      server.metric("workflow_runs", `state="${state}"`),
    );
    if ((await Promise.all(states)).every((count) => count === 0)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`runs are still unfinished ${SETTLE_MS / 1_000} s after the restart`);
}

/** Every id of a completed task: its newest run's and its own, because a killed attempt is followed by another run. */
async function completedRuns(server: Server): Promise<Set<string>> {
  const connection = await Connection.open(server.port);
  const ids = new Set<string>();
  try {
    for (let cursor: string | null = ""; cursor !== null;) {
      const from: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page = await connection.request("GET", `/api/workflows/runs?status=completed&limit=1000${from}`);
      const { runs, next_cursor } = JSON.parse(page.body) as {
        runs: { run_id: string; task_id: string }[];
        next_cursor: string | null;
      };
      for (const run of runs) ids.add(run.run_id).add(run.task_id);
      cursor = next_cursor;
    }
  } finally {
    connection.close();
  }
  return ids;
}
