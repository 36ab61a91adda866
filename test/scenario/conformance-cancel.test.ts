// Cancelling, from outside, whatever a run is doing: what it had begun ends within a bound, and what ended stays as it was.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Answer, type Chiron, type Project } from "../support/chiron-process.ts";
import {
  create,
  ended,
  figure,
  hosts,
  isAlive,
  LEDGER_MODULE,
  ledger,
  observed,
  shown,
  until,
  withLedger,
} from "../fault/observe.ts";

const handler = (name: string, signature: string, body: string): string =>
  `import asyncio
import subprocess
import time

from workflows.ledger import note

WORKFLOW_NAME = "${name}"


${signature} handler(inp, ctx):
${body}`;

const WORKFLOWS = {
  "workflows/ledger.py": LEDGER_MODULE,
  "workflows/sleeps.py": handler(
    "sleeps",
    "async def",
    `    await ctx.sleep("nap", inp.get("seconds", 0.3))
    note("sleeps woke")
`,
  ),
  "workflows/listens.py": handler(
    "listens",
    "async def",
    `    return await ctx.wait_for_event("e", "never", "comes")\n`,
  ),
  "workflows/idles.py": handler(
    "idles",
    "async def",
    `    note(f"{inp['word']} begun")
    try:
        await asyncio.sleep(3600)
    finally:
        note(f"{inp['word']} finally")
`,
  ),
  "workflows/steps.py": handler(
    "steps",
    "async def",
    `    async def body():
        note("steps begun")
        await asyncio.sleep(3600)

    await ctx.step("long", body)
`,
  ),
  "workflows/stubborn.py": handler(
    "stubborn",
    "async def",
    `    while True:
        try:
            note("stubborn begun")
            await asyncio.sleep(3600)
        except BaseException:
            note("stubborn stays")
`,
  ),
  "workflows/holds.py": handler(
    "holds",
    "async def",
    `    note("holds begun")
    while True:
        time.sleep(0.01)
`,
  ),
  "workflows/threads.py": handler(
    "threads",
    "def",
    `    while True:
        note("threads works")
        time.sleep(0.02)
`,
  ),
  "workflows/spawns.py": handler(
    "spawns",
    "async def",
    `    child = subprocess.Popen(["sleep", "3600"])
    note(f"spawned {child.pid}")
    await asyncio.sleep(3600)
`,
  ),
  "workflows/quick.py": handler("quick", "async def", `    return "quick"\n`),
};

let project: Project;
let server: Chiron;

beforeAll(async () => {
  project = makeProject({ ...WORKFLOWS, "chiron.toml": '[engine]\ngrace = "300ms"\n' });
  server = await startChiron(project, withLedger(project));
});

afterAll(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

const cancel = (id: string): Promise<Answer> => server.post(`/api/workflows/runs/${id}/cancel`, {});

async function begun(name: string, word: string, input: unknown = {}): Promise<string> {
  const run = await create(server, name, input);
  await until(word, () => ledger(project).some((one) => one.startsWith(word)));
  return run.task_id;
}

async function expectCancelled(taskId: string): Promise<void> {
  expect((await cancel(taskId)).body).toMatchObject({ ok: true, status: "cancelled", changed: true });
  expect(await shown(server, taskId)).toMatchObject({ status: "cancelled", result: null });
  // The slot is free when the code has stopped, not when the record says so.
  await until("no run is active", async () => (await figure(server, "workflow_active_runs")) === 0);
  expect(await ended(server, "quick")).toMatchObject({ status: "completed", attempts: 1 });
  expect(await shown(server, taskId)).toMatchObject({ status: "cancelled" });
}

// Conformance 57
test("a sleeping run is cancelled and never wakes", async () => {
  const run = await create(server, "sleeps");
  await observed(server, "run.sleeping", { taskId: run.task_id });
  await expectCancelled(run.task_id);
  // Another run with a longer sleep has ended: the cancelled one's time has passed.
  expect((await ended(server, "sleeps", { seconds: 0.4 })).status).toBe("completed");
  expect(ledger(project).filter((word) => word === "sleeps woke")).toHaveLength(1);
  expect(await shown(server, run.task_id)).toMatchObject({ status: "cancelled" });
});

test("a run that waits for an event is cancelled, and the event wakes nobody", async () => {
  const run = await create(server, "listens");
  await observed(server, "run.sleeping", { taskId: run.task_id });
  await expectCancelled(run.task_id);
  const emitted = await server.post("/api/workflows/events", { event_type: "never", correlation_id: "comes" });
  expect(emitted.body).toMatchObject({ ok: true, woken: 0 });
});

test("a run whose handler awaits is cancelled with its finally blocks, and its process serves on", async () => {
  const before = hosts(server);
  await expectCancelled(await begun("idles", "one begun", { word: "one" }));
  expect(ledger(project)).toContain("one finally");
  expect(hosts(server)).toEqual(before);
});

test("a run in the middle of a step is cancelled and the step is not recorded", async () => {
  const id = await begun("steps", "steps begun");
  await expectCancelled(id);
  expect((await server.get(`/api/workflows/runs/${id}/checkpoints`)).body.checkpoints).toEqual([]);
});

// Conformance 18
test("a handler that does not let itself be cancelled ends with its process", async () => {
  const id = await begun("stubborn", "stubborn begun");
  const pids = hosts(server);
  await expectCancelled(id);
  await until("its process is gone", () => !pids.some(isAlive));
});

test("a handler that holds the loop is ended with its process", async () => {
  const id = await begun("holds", "holds begun");
  await expectCancelled(id);
});

test("a plain function that goes on for ever stops when it is cancelled", async () => {
  const id = await begun("threads", "threads works");
  await expectCancelled(id);
  const before = ledger(project).length;
  // Were it still at work, it would write many lines while this run sleeps.
  expect((await ended(server, "sleeps", { seconds: 0.3 })).status).toBe("completed");
  expect(ledger(project).slice(before)).toEqual(["sleeps woke"]);
});

test("a run that has not begun is cancelled and never begins", async () => {
  const busy = await Promise.all([1, 2, 3, 4].map((n) => create(server, "idles", { word: `busy ${n}` })));
  await until("every slot is taken", async () => (await figure(server, "workflow_active_runs")) === 4);
  const run = await create(server, "idles", { word: "pending" });
  expect(await shown(server, run.run_id)).toMatchObject({ status: "pending", started_at: null });
  expect((await cancel(run.run_id)).body).toMatchObject({ status: "cancelled", changed: true });
  for (const one of busy) await cancel(one.task_id);
  await until("no run is active", async () => (await figure(server, "workflow_active_runs")) === 0);
  expect(await ended(server, "quick")).toMatchObject({ status: "completed" });
  expect(ledger(project).some((word) => word.startsWith("pending"))).toBe(false);
});

// Conformance 57
test("a completed run and a cancelled one stay what they are", async () => {
  const done = await ended(server, "quick");
  expect((await cancel(done.run_id)).body).toMatchObject({ ok: true, status: "completed", changed: false });
  expect(await shown(server, done.run_id)).toMatchObject({ status: "completed", result: { output: "quick" } });
  const run = await create(server, "sleeps", { seconds: 600 });
  expect((await cancel(run.task_id)).body).toMatchObject({ status: "cancelled", changed: true });
  const again = await cancel(run.task_id);
  expect(again).toMatchObject({ status: 200, body: { status: "cancelled", changed: false } });
});

// Conformance 18
test("a stop leaves neither host processes nor what a handler has started", async () => {
  await begun("spawns", "spawned");
  const spawned = Number(ledger(project).at(-1)!.split(" ")[1]);
  const pids = [...hosts(server), spawned];
  expect(pids.every(isAlive)).toBe(true);
  expect(await server.kill("SIGTERM")).toBe(0);
  await until("nothing is left", () => !pids.some(isAlive));
  // A stop costs no attempt: the run is pending and goes on with the next start.
  server = await startChiron(project, withLedger(project));
  const [run] = (await server.get("/api/workflows/runs?workflow_name=spawns")).body.runs;
  expect(run).toMatchObject({ attempts: 1, failure: null });
});
