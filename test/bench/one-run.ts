// One run of 1,000 steps: nothing else shares its commits, so each step is a commit and a round trip to Python.
import path from "node:path";
import { atMost, median, spread, type Section } from "./figures.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { startServer } from "./server.ts";

const STEPS = 1_000;
const COMMITS = "chiron_store_commits_total";

export const oneRun: Section = {
  name: "one-run",
  title: `One run of ${STEPS.toLocaleString("en")} steps`,
  async run(bench) {
    const server = await startServer({ dir: path.join(bench.dir, "one-run") });
    const rates: number[] = [];
    const commits: number[] = [];
    const runs = await OneAtATime.open(server);
    try {
      await runs.run("bench_steps", { steps: STEPS });
      for (let round = 0; round < (bench.quick ? 2 : 5); round += 1) {
        const before = await server.metric(COMMITS);
        const { startedAt, completedAt } = await runs.run("bench_steps", { steps: STEPS });
        rates.push((STEPS * 1_000) / (completedAt - startedAt));
        commits.push(((await server.metric(COMMITS)) - before) / STEPS);
      }
    } finally {
      runs.close();
      await server.stop();
    }
    return [
      { name: "steps/s", value: median(rates), unit: "/s", note: spread(rates) },
      { name: "commits per step", value: median(commits), unit: "", target: atMost(1.05, 1.01) },
    ];
  },
};
