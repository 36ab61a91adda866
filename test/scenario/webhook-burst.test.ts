// A burst of signed deliveries: every one is acknowledged and runs, and they share their commits. Counts, not times.
import fs from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { BENCH_SECRET } from "../bench/hook-load.ts";
import { startServer } from "../bench/server.ts";
import { openBurst } from "../bench/webhooks.ts";
import { temporaryFolder } from "./host-fixtures/project.ts";

const DELIVERIES = 3_000;

test(`${DELIVERIES} deliveries at once: none is refused, each runs, and a commit serves several`, async () => {
  const dir = temporaryFolder();
  fs.writeFileSync(path.join(dir, ".env"), `BENCH_HOOK_SECRET="${BENCH_SECRET}"\n`);
  const server = await startServer({ dir });
  onTestFinished(() => server.stop());
  const { load, completed } = await openBurst(server.port);
  onTestFinished(() => load.close());
  const { statuses } = await load.count(DELIVERIES);
  expect([...statuses]).toEqual([[202, DELIVERIES]]);
  await completed(DELIVERIES);
  expect((await server.metric("chiron_store_commits_total")) / DELIVERIES).toBeLessThan(1);
});
