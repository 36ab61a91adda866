// One task with something of every kind, in a store in memory, for the tests of bundles.
import { REAL_CLOCK } from "../../adapters/node/real-clock.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import type { TaskId } from "../../src/core/ids.ts";
import { pythonEventName } from "../../src/core/keys.ts";
import { toJsonText, type JsonText } from "../../src/core/json-text.ts";
import type { Store } from "../../src/ports/store.ts";
import { collectBundle } from "../../src/replay/bundle-collect.ts";
import type { Bundle } from "../../src/replay/bundle.ts";
import { generationOf, sourceOf } from "../contract/code.ts";

export const NOW = Date.UTC(2030, 0, 1);
export const EMAIL = "grace.hopper@navy.mil";
export const SECRET = { name: "STRIPE_KEY", value: "zk-live-91827364554637" };

export const memoryStore = (): Promise<Store> => openSqlite({ path: ":memory:", clock: REAL_CLOCK });

/** A task that failed once, went on and now waits for an event. */
export async function sleepingTask(store: Store): Promise<TaskId> {
  const sources = { "/app/workflows/order.py": sourceOf(`KEY = "${SECRET.value}"\n`), "/app/lib.py": sourceOf("x") };
  const generation = { ...generationOf("g1", sources), workflows: { order: "/app/workflows/order.py" } };
  await store.code.record(generation, Object.values(sources));
  const queue = "centaur_workflows";
  const input = `{"email":"${EMAIL}","big":9007199254740993,"tag":1.0}` as JsonText;
  const started = { queue, workflowName: "order", input, maxAttempts: 3, cause: { kind: "api" as const } };
  const [task] = await store.tasks.enqueue([{ ...started, idempotencyKey: "k-1" }]);
  const claim = async () =>
    (await store.claims.claim([{ queue, limit: 1, leaseMs: 60_000, owner: "o", generation: "g1" }]))[0]![0]!;
  const first = await claim();
  const failure = { name: "ValueError", message: `no account for ${EMAIL}`, traceback: `… ${SECRET.value}` };
  await store.progress.fail([{ ...first, failure, retryDelayMs: 0 }]);
  const run = await claim();
  const write = { ...run, leaseMs: 60_000, durationMs: 3, position: "order.py:7" };
  await store.progress.checkpoint([{ ...write, name: "load", value: toJsonText({ user: { name: "Grace Hopper" } }) }]);
  const about = { taskId: run.taskId, runId: run.runId };
  await store.logs.append([
    { ...about, at: 1, level: "info", source: "log", message: `mail to ${EMAIL}`, fields: toJsonText({ to: EMAIL }) },
  ]);
  const effect = { id: crypto.randomUUID(), ...about, workflowName: "order", kind: "tool" as const };
  const call = { callType: "ctx.call_tool", target: "crm.find", ordinal: "1", key: null, nature: "real" as const };
  const request = toJsonText({ args: { email: EMAIL, key: SECRET.value } });
  await store.effects.begin([{ ...effect, ...call, by: "local", startedAt: 2, request }]);
  const target = pythonEventName("order.paid", "A-1");
  await store.progress.suspend([{ ...run, waits: [{ step: "paid", kind: "event", target, delayMs: null }] }]);
  return task!.taskId;
}

export async function sleepingBundle(): Promise<Bundle> {
  const store = await memoryStore();
  try {
    return (await collectBundle(store, await sleepingTask(store), { chironVersion: "1.2.3", now: NOW }))!;
  } finally {
    await store.admin.close();
  }
}
