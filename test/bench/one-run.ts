// One run of 1,000 steps: nothing else shares its commits, so each step is a commit and a round trip to Python.
import path from "node:path";
import { atMost, median, spread, type Section } from "./figures.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { startServer } from "./server.ts";

export const STEPS = 1_000;
const COMMITS = "chiron_store_commits_total";

/** Steps/s of single runs after one to warm up, and the commits each step took. */
export async function longRuns(dir: string, count: number): Promise<{ rates: number[]; commits: number[] }> {
  const server = await startServer({ dir });
  const rates: number[] = [];
  const commits: number[] = [];
  try {
    const runs = await OneAtATime.open(server);
    await runs.run("bench_steps", { steps: STEPS });
    for (let round = 0; round < count; round += 1) {
      const before = await server.metric(COMMITS);
      const { startedAt, completedAt } = await runs.run("bench_steps", { steps: STEPS });
      rates.push((STEPS * 1_000) / (completedAt - startedAt));
      commits.push(((await server.metric(COMMITS)) - before) / STEPS);
    }
    runs.close();
  } finally {
    await server.stop();
  }
  return { rates, commits };
}

export const oneRun: Section = {
  name: "one-run",
  title: `One run of ${STEPS.toLocaleString("en")} steps`,
  async run(bench) {
    const { rates, commits } = await longRuns(path.join(bench.dir, "one-run"), bench.quick ? 2 : 5);
    return [
      { name: "steps/s", value: median(rates), unit: "/s", note: spread(rates) },
      { name: "commits per step", value: median(commits), unit: "", target: atMost(1.05, 1.01) },
    ];
  },
};
