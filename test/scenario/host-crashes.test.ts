// What the death of a host process means for the runs in it, and that nothing a host started outlives it.
import { expect, test } from "vitest";
import type { RunEnd } from "../../src/ports/host.ts";
import { MemorySession, NEVER, runOf } from "./host-fixtures/session.ts";
import { eventually, isRunning, openProject } from "./host-fixtures/project.ts";

function crashOf(end: RunEnd): Extract<RunEnd, { kind: "crashed" }> {
  if (end.kind !== "crashed") throw new Error(`the run ended as ${end.kind}`);
  return end;
}

test.each([
  ["segfault", "signal", /SIGSEGV/],
  ["exit", "exit", /status 3/],
  ["killed", "oom", /SIGKILL/],
])("a run that ends its process alone (%s) is to blame", async (how, crash, message) => {
  const { host } = openProject();
  const loaded = await host.load();
  const end = crashOf(await loaded!.host.run(runOf("crashes", { how }), new MemorySession(), NEVER));
  expect(end).toMatchObject({ blame: true, failure: { name: "$HostCrashed", crash } });
  expect(end.failure.message).toMatch(message);
  const next = await loaded!.host.run(runOf("steps", { count: 1 }), new MemorySession(), NEVER);
  expect(next.kind).toBe("result");
});

test("a segfault's record shows the line that caused it", async () => {
  const loaded = await openProject().host.load();
  const end = crashOf(await loaded!.host.run(runOf("crashes", { how: "segfault" }), new MemorySession(), NEVER));
  expect(end.failure.traceback).toMatch(/crashes\.py", line \d+ in handler/);
});

test("a crash with a neighbour blames neither, and each runs alone the next time", async () => {
  const { host } = openProject();
  const loaded = await host.load();
  const idle = new MemorySession();
  const neighbour = runOf("idles");
  const waiting = loaded!.host.run(neighbour, idle, NEVER);
  await idle.logged("begun");
  const culprit = runOf("crashes", { how: "exit" });
  const ends = await Promise.all([waiting, loaded!.host.run(culprit, new MemorySession(), NEVER)]);
  expect(ends.map((end) => crashOf(end).blame)).toEqual([false, false]);

  const again = new MemorySession();
  const abort = new AbortController();
  const second = loaded!.host.run(neighbour, again, abort.signal);
  await again.logged("begun");
  const alone = crashOf(await loaded!.host.run(culprit, new MemorySession(), NEVER));
  expect(alone.blame).toBe(true);
  abort.abort("cancelled");
  expect(await second).toEqual({ kind: "dropped" });
});

test("a handler that holds the loop is ended with its process when it is cancelled", async () => {
  const { host, stalled } = openProject();
  const loaded = await host.load();
  const abort = new AbortController();
  const ending = loaded!.host.run(runOf("blocks"), new MemorySession(), abort.signal);
  await stalled;
  const { pid } = host.status()[0]!;
  abort.abort("cancelled");
  expect(await ending).toEqual({ kind: "dropped" });
  await eventually(() => !isRunning(pid));
  const next = await loaded!.host.run(runOf("steps", { count: 1 }), new MemorySession(), NEVER);
  expect(next.kind).toBe("result");
});

test("a neighbour of a run that has to be ended is given back without blame", async () => {
  const { host, stalled } = openProject({ maxProcesses: 1 });
  const loaded = await host.load();
  const idle = new MemorySession();
  const neighbour = loaded!.host.run(runOf("idles"), idle, NEVER);
  await idle.logged("begun");
  const abort = new AbortController();
  const ending = loaded!.host.run(runOf("blocks"), new MemorySession(), abort.signal);
  await stalled;
  abort.abort("cancelled");
  expect(await ending).toEqual({ kind: "dropped" });
  expect(crashOf(await neighbour)).toMatchObject({ blame: false, failure: { crash: "signal" } });
});

test("a forked child cannot speak for the host, and goes with the process", async () => {
  const { host } = openProject();
  const loaded = await host.load();
  const end = await loaded!.host.run(runOf("forks"), new MemorySession(), NEVER);
  expect(end.kind).toBe("result");
  const { pid, children } = JSON.parse((end as { value: string }).value) as { pid: number; children: number[] };
  expect(children.every(isRunning)).toBe(true);
  await loaded!.host.kill();
  await eventually(() => ![pid, ...children].some(isRunning));
});

test("retiring lets the active run finish and takes no other", async () => {
  const { host } = openProject();
  const loaded = await host.load();
  const session = new MemorySession();
  const running = loaded!.host.run(runOf("idles", { seconds: 0.3 }), session, NEVER);
  await session.logged("begun");
  const { pid } = host.status()[0]!;
  const retired = loaded!.host.retire();
  const late = await loaded!.host.run(runOf("steps"), new MemorySession(), NEVER);
  expect(late.kind).toBe("not_started");
  expect((await running).kind).toBe("result");
  await retired;
  expect(isRunning(pid)).toBe(false);
  expect(host.status()).toEqual([]);
});

test("killing gives active runs back without blame", async () => {
  const { host } = openProject();
  const loaded = await host.load();
  const session = new MemorySession();
  const running = loaded!.host.run(runOf("idles"), session, NEVER);
  await session.logged("begun");
  await host.close();
  expect(crashOf(await running).blame).toBe(false);
});
