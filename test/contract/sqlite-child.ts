// A real process that owns a store, for tests that kill it. Arguments: the file, and after how many ids it kills itself in the middle
// of a transaction (0: never). Says "open", then each task it was told to be durable.
import { randomBytes } from "node:crypto";
import { REAL_CLOCK } from "../../adapters/node/real-clock.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { createIdSource } from "../../src/core/ids.ts";
import { json, LEASE_MS, newTask, OWNER, QUEUE } from "./given.ts";

const [file, idsBeforeDeath] = process.argv.slice(2);
const ids = createIdSource(() => REAL_CLOCK.now(), randomBytes);
let left = Number(idsBeforeDeath);
const deadly = {
  next() {
    if (left > 0 && (left -= 1) === 0) process.kill(process.pid, "SIGKILL");
    return ids.next();
  },
};

const store = await openSqlite({ path: file!, clock: REAL_CLOCK, ids: deadly });
process.stdout.write("open\n");
// Ends with its parent: stdin closes when that is gone.
process.stdin.on("end", () => process.exit(0)).resume();
for (;;) {
  const enqueued = await Promise.all([1, 2, 3, 4].map(() => store.tasks.enqueue([newTask()])));
  const [runs] = await store.claims.claim([{ queue: QUEUE, limit: 4, leaseMs: LEASE_MS, owner: OWNER }]);
  const writes = runs!.map((run) => ({ ...run, name: "a", value: json(1), durationMs: 1 }));
  const kept = store.progress.checkpoint(writes.map((write) => ({ ...write, leaseMs: LEASE_MS })));
  const done = store.progress.complete(runs!.map((run) => ({ ...run, output: json(2) })));
  await kept;
  await done;
  process.stdout.write(enqueued.map(([answer]) => `${answer!.taskId}\n`).join(""));
}
