// How runs spread over processes when one of them holds its loop, and how processes that carry frozen runs are exchanged.
import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { MemorySession, NEVER, runOf } from "./host-fixtures/session.ts";
import { eventually, openProject, temporaryFolder } from "./host-fixtures/project.ts";

test("a held process gets no new run; the next goes to another process", async () => {
  const { host, events, stalled } = openProject();
  const loaded = await host.load();
  const abort = new AbortController();
  const holding = loaded!.host.run(runOf("blocks"), new MemorySession(), abort.signal);
  await stalled;
  expect(events.find((event) => event.type === "host.stalled")).toMatchObject({
    where: expect.stringMatching(/blocks\.py:\d+ in handler/),
  });
  const end = await loaded!.host.run(runOf("steps", { count: 1 }), new MemorySession(), NEVER);
  expect(end.kind).toBe("result");
  expect(host.status()).toHaveLength(2);
  expect(host.status().some((status) => status.stalledMs > 900 && status.activeRuns === 1)).toBe(true);
  abort.abort("cancelled");
  await holding;
});

test("a run that comes right after a loop was taken does not wait behind it", async () => {
  const { host } = openProject();
  const loaded = await host.load();
  const marker = path.join(temporaryFolder(), "taken");
  const holding = loaded!.host.run(runOf("blocks", { seconds: 3, marker }), new MemorySession(), NEVER);
  // Long before the host's watchdog would tell, and longer than a sign of life counts.
  await eventually(() => fs.existsSync(marker) && Date.now() - fs.statSync(marker).mtimeMs > 60);
  const started = performance.now();
  const end = await loaded!.host.run(runOf("steps", { count: 1 }), new MemorySession(), NEVER);
  expect(end.kind).toBe("result");
  expect(performance.now() - started).toBeLessThan(2_000);
  expect((await holding).kind).toBe("result");
});

test("a workflow that was caught holding the loop runs alone from then on", async () => {
  const { host, events } = openProject({ maxProcesses: 1 });
  const loaded = await host.load();
  await loaded!.host.run(runOf("blocks", { seconds: 1.5 }), new MemorySession(), NEVER);
  expect(events.some((event) => event.type === "host.stalled")).toBe(true);
  const session = new MemorySession();
  const blocking = loaded!.host.run(runOf("blocks", { seconds: 2 }), session, NEVER);
  await session.logged("begun");
  const started = performance.now();
  await loaded!.host.run(runOf("steps", { count: 1 }), new MemorySession(), NEVER);
  expect(performance.now() - started).toBeLessThan(1_500);
  expect(await blocking).toEqual({ kind: "result", value: '"moved on"' });
});

test("a run that finds every process held is given back, never having begun", async () => {
  const { host, stalled } = openProject({ maxProcesses: 1 });
  const loaded = await host.load();
  const abort = new AbortController();
  const holding = loaded!.host.run(runOf("blocks"), new MemorySession(), abort.signal);
  await stalled;
  const late = new MemorySession();
  const end = await loaded!.host.run(runOf("steps", { count: 1 }), late, NEVER);
  expect(end).toEqual({ kind: "not_started", reason: "every host process is held by another run" });
  abort.abort("cancelled");
  await holding;
  expect(late.steps).toEqual([]);
});

test("a run that waits for a place is placed as soon as the loop moves", async () => {
  const { host, stalled } = openProject({ maxProcesses: 1 });
  const loaded = await host.load();
  const holding = loaded!.host.run(runOf("blocks", { seconds: 2 }), new MemorySession(), NEVER);
  await stalled;
  const end = await loaded!.host.run(runOf("steps", { count: 1 }), new MemorySession(), NEVER);
  expect(end.kind).toBe("result");
  expect((await holding).kind).toBe("result");
  expect(host.status()).toHaveLength(1);
});

test("a process with many frozen runs is exchanged for a fresh one", { timeout: 30_000 }, async () => {
  const { host } = openProject();
  const loaded = await host.load();
  const { pid } = host.status()[0]!;
  await Promise.all(Array.from({ length: 501 }, () => loaded!.host.run(runOf("waits"), new MemorySession(), NEVER)));
  await eventually(() => host.status().length === 1 && host.status()[0]!.pid !== pid, 15_000);
  const end = await loaded!.host.run(runOf("steps", { count: 1 }), new MemorySession(), NEVER);
  expect(end.kind).toBe("result");
});
