import { expect, test } from "vitest";
import { REAL_CLOCK } from "../../adapters/node/real-clock.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import type { RuntimeEvent } from "../../src/core/bus.ts";
import { createMask, NO_MASK } from "../../src/core/redaction.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import { createMaskedBus } from "../../src/secrets/masked-bus.ts";
import { maskedStore } from "../../src/secrets/masked-store.ts";
import { withMethod } from "../../src/secrets/with-method.ts";

const mask = createMask([{ name: "TOKEN", value: "s3cret-value" }]);

test("listeners hear events without secrets, and untouched events as they are", () => {
  const bus = createMaskedBus(mask);
  const heard: RuntimeEvent[] = [];
  bus.subscribe((event) => heard.push(event));
  const plain = { type: "catalog.failed", message: "nothing to hide" } as const;
  bus.publish(plain);
  bus.publish({ type: "catalog.failed", message: "with s3cret-value" });
  expect(heard[0]).toBe(plain);
  expect(heard[1]).toEqual({ type: "catalog.failed", message: "with [secret TOKEN]" });
  const line = { taskId: "t", runId: "r", workflowName: "w", level: "info", source: "log", message: "m" };
  bus.publish({ type: "run.log", ...line, fields: '{"v":"s3cret-value"}' as JsonText });
  expect(heard[2]).toMatchObject({ fields: '{"v":"[secret TOKEN]"}' });
});

test("a store keeps lines and failures without secrets, and a run's values as they are", async () => {
  const store = maskedStore(await openSqlite({ path: ":memory:", clock: REAL_CLOCK }), mask);
  const input = '{"token":"s3cret-value"}' as JsonText;
  const task = { workflowName: "w", queue: "q", input, maxAttempts: 1, cause: { kind: "api" } } as never;
  const [{ taskId }] = (await store.tasks.enqueue([task])) as [Awaited<ReturnType<typeof store.tasks.enqueue>>[number]];
  const [[run]] = (await store.claims.claim([
    { queue: "q", limit: 1, leaseMs: 60_000, owner: "o" } as never,
  ])) as never as [[{ runId: string; claimToken: string; input: string }]];
  expect(run.input).toBe(input);
  const line = { taskId, runId: run.runId, at: 1, level: "info", source: "log" };
  await store.logs.append([{ ...line, message: "a s3cret-value", fields: '{"v":"s3cret-value"}' } as never]);
  const failure = { name: "E", message: "because of s3cret-value", traceback: "at s3cret-value" };
  await store.progress.fail([{ runId: run.runId, claimToken: run.claimToken, failure, retryDelayMs: null } as never]);
  const found = await store.reads.find(taskId);
  expect(found!.task.input).toBe(input);
  expect(JSON.stringify(found!.run.failure)).toBe(
    JSON.stringify({ name: "E", message: "because of [secret TOKEN]", traceback: "at [secret TOKEN]" }),
  );
  expect(JSON.stringify(await store.logs.list(taskId, { limit: 10 }))).not.toContain("s3cret-value");
  await store.admin.close();
});

test("with nothing to hide nothing is wrapped", async () => {
  const store = await openSqlite({ path: ":memory:", clock: REAL_CLOCK });
  expect(maskedStore(store, NO_MASK)).toBe(store);
  await store.admin.close();
});

test("one method is replaced and the others keep their private state", () => {
  class Counter {
    #count = 0;
    add = (): number => (this.#count += 1);
    count(): number {
      return this.#count;
    }
    name(): string {
      return "counter";
    }
  }
  const counter = new Counter();
  const changed = withMethod(counter, "name", () => "other");
  changed.add();
  expect([changed.name(), changed.count(), counter.name()]).toEqual(["other", 1, "counter"]);
});
