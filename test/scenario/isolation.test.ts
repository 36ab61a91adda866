// Handlers that do what no handler should. Whatever it is: the run ends in the way named here, the runtime serves on, and a run that
// was under way beside it ends with what its handler returned.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import {
  create,
  ended,
  figure,
  hosts,
  isAlive,
  LEDGER_MODULE,
  ledger,
  logLines,
  observed,
  release,
  shown,
  until,
  withLedger,
} from "../fault/observe.ts";

const handler = (name: string, body: string, signature = "async def"): string =>
  `import asyncio
import ctypes
import os
import subprocess
import sys
import threading
import time

from workflows.ledger import note

WORKFLOW_NAME = "${name}"


def reached(name):
    return os.path.exists(os.path.join(os.environ["LEDGERS"], name))


def deeper():
    return deeper() + 1


${signature} handler(inp, ctx):
${body}`;

const WORKFLOWS = {
  "workflows/ledger.py": LEDGER_MODULE,
  "workflows/neighbour.py": handler(
    "neighbour",
    `    one = await ctx.step("one", lambda: inp["value"])
    note(f"{inp['value']} begun")
    while not reached(inp["value"]):
        await asyncio.sleep(0.01)
    two = await ctx.step("two", lambda: note(f"{inp['value']} goes on"))
    return {"one": one, "two": two}
`,
  ),
  "workflows/quick.py": handler("quick", `    return await ctx.step("only", lambda: "quick")\n`),
  "workflows/sys_exit.py": handler("sys_exit", `    sys.exit(7)\n`),
  "workflows/sys_exit_step.py": handler("sys_exit_step", `    await ctx.step("s", lambda: sys.exit("bye"))\n`),
  "workflows/sys_exit_plain.py": handler("sys_exit_plain", `    sys.exit(7)\n`, "def"),
  "workflows/raises_base.py": handler(
    "raises_base",
    `    class Odd(BaseException):
        pass
    raise Odd("very odd")
`,
  ),
  "workflows/interrupts.py": handler("interrupts", `    raise KeyboardInterrupt\n`),
  "workflows/recurses.py": handler("recurses", `    return deeper()\n`),
  "workflows/cancels_itself.py": handler("cancels_itself", `    raise asyncio.CancelledError("me")\n`),
  "workflows/returns_coroutine.py": handler("returns_coroutine", `    return asyncio.sleep(0)\n`),
  "workflows/yields.py": handler("yields", `    yield 1\n`),
  "workflows/plain_coroutine.py": handler(
    "plain_coroutine",
    `    async def later():
        return await ctx.step("later", lambda: "awaited")
    return later()
`,
    "def",
  ),
  "workflows/os_exit.py": handler("os_exit", `    os._exit(0)\n`),
  "workflows/segfault.py": handler("segfault", `    ctypes.string_at(0)\n`),
  "workflows/aborts.py": handler("aborts", `    os.abort()\n`),
  "workflows/closes_fds.py": handler(
    "closes_fds",
    `    os.closerange(0, 11)
    await asyncio.sleep(0.05)
    return await ctx.step("after", lambda: "still here")
`,
  ),
  "workflows/closes_streams.py": handler(
    "closes_streams",
    `    sys.stdout.close()
    sys.stderr.close()
    os.close(1)
    os.close(2)
    print("into nothing")
    return await ctx.step("after", lambda: "still here")
`,
  ),
  "workflows/holds.py": handler(
    "holds",
    `    note("holds begun")
    while True:
        time.sleep(0.01)
`,
  ),
  "workflows/holds_too.py": handler("holds_too", `    while True:\n        time.sleep(0.01)\n`),
  "workflows/forks.py": handler(
    "forks",
    `    child = os.fork()
    if child == 0:
        return "the child's result"
    await asyncio.sleep(0.3)
    step = await ctx.step("after", lambda: "the parent's step")
    return {"step": step, "child": os.waitpid(child, os.WNOHANG)[0] in (0, child)}
`,
  ),
  "workflows/leaves.py": handler(
    "leaves",
    `    child = subprocess.Popen(["sleep", "3600"])
    return child.pid
`,
  ),
  "workflows/threads.py": handler(
    "threads",
    `    threading.Thread(target=lambda: [time.sleep(0.01) for _ in range(10**9)], daemon=True).start()
    threading.Thread(target=lambda: 1 / 0).start()
    return "threads stay behind"
`,
  ),
  "workflows/prints.py": handler(
    "prints",
    `    line = "x" * 999
    for n in range(inp["megabytes"] * 1000):
        print(line)
        if n % 1000 == 0:
            await asyncio.sleep(0)
    return await ctx.step("after", lambda: "printed")
`,
  ),
  "workflows/child_prints.py": handler(
    "child_prints",
    `    code = f"import sys\\nfor _ in range({inp['megabytes']}): sys.stdout.write('y' * 999999 + chr(10))"
    child = await asyncio.create_subprocess_exec(sys.executable, "-S", "-c", code)
    return await child.wait()
`,
  ),
};

let project: Project;
let server: Chiron;

beforeAll(async () => {
  project = makeProject(WORKFLOWS);
  server = await startChiron(project, { ...withLedger(project), WORKFLOW_WORKER_CONCURRENCY: "8" });
});

afterAll(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

let neighbours = 0;

/** Runs `body` while another run is in the middle of its handler, and expects that one to end as if it had been alone. */
async function besideANeighbour<T>(body: () => Promise<T>): Promise<T> {
  const value = `neighbour ${(neighbours += 1)}`;
  const neighbour = await create(server, "neighbour", { value });
  await until("the neighbour has begun", () => ledger(project).includes(`${value} begun`));
  const result = await body();
  release(project, value);
  const end = await server.finished(neighbour.task_id);
  expect(end).toMatchObject({ status: "completed", attempts: 1 });
  expect(end.result.output).toEqual({ one: value, two: `${value} goes on` });
  expect(await ended(server, "quick")).toMatchObject({ status: "completed", attempts: 1, result: { output: "quick" } });
  return result;
}

const once = { max_attempts: 1 };

// Conformance 111
test.each([
  ["sys_exit", "SystemExit", /sys\.exit\(7\)/],
  ["sys_exit_step", "SystemExit", /sys\.exit\('bye'\)/],
  ["sys_exit_plain", "SystemExit", /sys\.exit\(7\)/],
  ["raises_base", "Odd", /very odd/],
  ["interrupts", "KeyboardInterrupt", /KeyboardInterrupt/],
  ["recurses", "RecursionError", /recursion/],
  ["cancels_itself", "CancelledError", /me/],
  ["returns_coroutine", "UnstorableValue", /never awaited/],
  ["yields", "UnstorableValue", /async generator/],
])("%s fails its attempt as %s and no process ends", async (name, failure, message) => {
  const pids = hosts(server);
  const end = await besideANeighbour(() => ended(server, name, {}, once));
  expect(end).toMatchObject({ status: "failed", attempts: 1, failure: { name: failure } });
  expect(end.failure.message).toMatch(message);
  expect(hosts(server)).toEqual(pids);
});

test("a plain handler that returns a coroutine has it awaited", async () => {
  expect((await ended(server, "plain_coroutine", {}, once)).result.output).toBe("awaited");
});

test.each([
  ["os_exit", /status 0/, "exit"],
  ["segfault", /SIGSEGV/, "signal"],
  ["aborts", /SIGABRT/, "signal"],
])(
  "%s ends its process and fails its attempt, and the neighbour starts over without losing one",
  async (name, message, crash) => {
    const end = await besideANeighbour(() => ended(server, name, {}, once));
    expect(end).toMatchObject({ status: "failed", attempts: 1, failure: { name: "$HostCrashed", crash } });
    expect(end.failure.message).toMatch(message);
  },
);

test("a handler that closes descriptors 0 to 10 costs at most its own process", async () => {
  const end = await besideANeighbour(() => ended(server, "closes_fds", {}, once));
  if (end.status === "completed") expect(end.result.output).toBe("still here");
  else expect(end.failure.name).toBe("$HostCrashed");
});

test("a handler that closes the standard streams goes on without them, and takes them from nobody else", async () => {
  const end = await besideANeighbour(() => ended(server, "closes_streams", {}, once));
  expect(end).toMatchObject({ status: "completed", result: { output: "still here" } });
  const after = await ended(server, "child_prints", { megabytes: 1 }, once);
  expect(after).toMatchObject({ status: "completed", result: { output: 0 } });
});

test("a forked child that goes on like its parent is not heard", async () => {
  const end = await besideANeighbour(() => ended(server, "forks", {}, once));
  expect(end).toMatchObject({ status: "completed", result: { output: { step: "the parent's step", child: true } } });
});

test("threads that stay behind trouble nobody", async () => {
  const end = await besideANeighbour(() => ended(server, "threads", {}, once));
  expect(end).toMatchObject({ status: "completed", result: { output: "threads stay behind" } });
});

test("a handler that prints 200 MB completes, its log is cut with one last line, and the runtime's memory is bounded", async () => {
  const before = await figure(server, "process_resident_memory_bytes");
  let peak = 0;
  const end = await besideANeighbour(async () => {
    const run = await create(server, "prints", { megabytes: 200 }, once);
    const finished = server.finished(run.task_id);
    let over = false;
    void finished.finally(() => (over = true));
    await until(
      "it has ended",
      async () => {
        peak = Math.max(peak, await figure(server, "process_resident_memory_bytes"));
        return over;
      },
      60_000,
    );
    return finished;
  });
  expect(end).toMatchObject({ status: "completed", attempts: 1, result: { output: "printed" } });
  expect(peak - before).toBeLessThan(150_000_000);
  const lines = await logLines(server, end.task_id);
  expect(lines.reduce((sum, line) => sum + line.length, 0)).toBeLessThan(1_200_000);
  expect(lines.filter((line) => line.startsWith("log truncated"))).toHaveLength(1);
  expect(lines.at(-1)).toMatch(/^log truncated/);
});

test("a subprocess that prints 200 MB is read to its end and cut like its parent", async () => {
  const end = await besideANeighbour(() => ended(server, "child_prints", { megabytes: 200 }, once));
  expect(end).toMatchObject({ status: "completed", result: { output: 0 } });
});

test("a handler that blocks the loop for ever is named, is cancelled, and its neighbour goes on within a bound", async () => {
  const end = await besideANeighbour(async () => {
    const run = await create(server, "holds", {}, once);
    const stalled = await observed(server, "host.stalled");
    expect(String(stalled["where"])).toMatch(/holds\.py:\d+ in handler/);
    // New runs are served while it holds its process.
    expect(await ended(server, "quick")).toMatchObject({ status: "completed", attempts: 1 });
    await server.post(`/api/workflows/runs/${run.task_id}/cancel`, {});
    return server.finished(run.task_id);
  });
  expect(end.status).toBe("cancelled");
});

test("a handler that blocks the loop for ever keeps no neighbour: after half a minute they go on elsewhere", async () => {
  const neighbour = await create(server, "neighbour", { value: "held" });
  await until("the neighbour has begun", () => ledger(project).includes("held begun"));
  const culprit = await create(server, "holds_too", {}, once);
  await server.nextEvent(
    (event) => event["type"] === "host.stalled" && String(event["where"]).includes("holds_too.py"),
  );
  release(project, "held");
  const end = await server.finished(neighbour.task_id);
  expect(end).toMatchObject({
    status: "completed",
    attempts: 1,
    result: { output: { one: "held", two: "held goes on" } },
  });
  expect((await shown(server, culprit.run_id)).status).toBe("running");
  await server.post(`/api/workflows/runs/${culprit.task_id}/cancel`, {});
  await until("the culprit has stopped", async () => (await figure(server, "workflow_active_runs")) === 0);
});

test("what a handler leaves running does not outlive the runtime", async () => {
  const end = await besideANeighbour(() => ended(server, "leaves", {}, once));
  const pid = end.result.output as number;
  expect(isAlive(pid)).toBe(true);
  await server.kill("SIGTERM");
  await until("the subprocess is gone", () => !isAlive(pid));
  server = await startChiron(project, withLedger(project));
});
