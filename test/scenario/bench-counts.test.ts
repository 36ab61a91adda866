// What a run may cost in commits and in messages. These are counts, not times: they are the same on every machine, so they are limits.
import { expect, onTestFinished, test } from "vitest";
import { Load } from "../bench/load.ts";
import { countMessages } from "../bench/messages.ts";
import { OneAtATime } from "../bench/one-at-a-time.ts";
import { startServer, type Server } from "../bench/server.ts";
import { temporaryFolder } from "./host-fixtures/project.ts";

const RUNS = 1_500;

async function serve(): Promise<Server> {
  const dir = temporaryFolder();
  const server = await startServer({ dir });
  onTestFinished(() => server.stop());
  return server;
}

const commitsOf = (server: Server): Promise<number> => server.metric("chiron_store_commits_total");

test("a run sends one message per new step and one at its end", async () => {
  expect(await countMessages(temporaryFolder(), [0, 1, 25])).toEqual([1, 2, 26]);
});

test("100 runs in flight share their commits: at most 0.3 a run", async () => {
  const server = await serve();
  const load = await Load.start(server);
  onTestFinished(() => load.close());
  // The first runs meet processes that are still warming up, one after the other.
  await load.reached(RUNS / 3);
  const before = { completed: load.completed, commits: await commitsOf(server) };
  await load.reached(before.completed + RUNS);
  const runs = load.completed - before.completed;
  expect(((await commitsOf(server)) - before.commits) / runs).toBeLessThanOrEqual(0.3);
  await load.drain();
});

test("a step of a run that is alone costs one commit", async () => {
  const server = await serve();
  const runs = await OneAtATime.open(server);
  onTestFinished(() => runs.close());
  const before = await commitsOf(server);
  await runs.run("bench_steps", { steps: 1_000 });
  expect(((await commitsOf(server)) - before) / 1_000).toBeLessThanOrEqual(1.05);
});
