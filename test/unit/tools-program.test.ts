// The centaur-tools program as it should not be. Real processes; none is left behind.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { REAL_CLOCK } from "../../adapters/node/real-clock.ts";
import type { TaskId } from "../../src/core/ids.ts";
import { toJsonText } from "../../src/core/json-text.ts";
import { createTools } from "../../src/effects/tools/tools.ts";
import type { EffectContext } from "../../src/ports/effects.ts";

let dir = "";
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-tool-program-"));
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

const context: EffectContext = {
  taskId: "task" as TaskId,
  runId: "run",
  workflowName: "w",
  ordinal: "1",
  harnessType: null,
  signal: new AbortController().signal,
};

/** Calls `t.m` with this shell script as the program. */
async function call(script: string, timeoutMs = 20_000, signal = context.signal): Promise<string> {
  fs.writeFileSync(path.join(dir, "centaur-tools"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const tools = createTools({
    clock: REAL_CLOCK,
    env: { PATH: `${dir}:/usr/bin:/bin`, GREETING: "hello" },
    settings: { mode: "live", stubs: undefined, apiUrl: undefined, program: "centaur-tools", timeoutMs },
  });
  const args = toJsonText({ tool: "t", method: "m", args: { a: [1, "two"] } });
  expect(tools.describe("ctx.call_tool", args, context)).toEqual({
    nature: "real",
    by: path.join(dir, "centaur-tools"),
  });
  return tools.call("ctx.call_tool", args, { ...context, signal }, () => undefined);
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A process that has ended and waits to be fetched counts as gone.
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};
const pidIn = (name: string): number => Number(fs.readFileSync(path.join(dir, name), "utf8"));
const written = (name: string): boolean => fs.existsSync(path.join(dir, name)) && pidIn(name) > 0;

test("it is called with the names, gets the arguments on its input, and answers with JSON", async () => {
  const answer = await call('printf \'{"args": "%s", "input": %s, "env": "%s"}\' "$*" "$(cat)" "$GREETING"');
  expect(JSON.parse(answer)).toEqual({ args: "call t m -", input: { a: [1, "two"] }, env: "hello" });
});

test("it need not read its input, and no answer is null", async () => {
  expect(await call("exit 0")).toBe("null");
});

test("what it says when it fails is told, from its error stream or else its output", async () => {
  await expect(call("echo first >&2; echo no such tool: t >&2; exit 3")).rejects.toMatchObject({
    code: "upstream",
    message: "tool t.m: centaur-tools ended with 3 and said: first\nno such tool: t",
  });
  await expect(call('echo \'{"error": "quota"}\'; exit 1')).rejects.toThrow(
    'ended with 1 and said: {"error": "quota"}',
  );
});

test("only the end of a long complaint is kept", async () => {
  const failed = call("i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1");
  const message = await failed.catch((error: Error) => error.message);
  expect(message).toContain("line 1999");
  expect(String(message).length).toBeLessThan(2_200);
});

test("an answer that is not JSON is shown", async () => {
  await expect(call("echo Welcome to centaur-tools")).rejects.toThrow(
    "tool t.m: centaur-tools did not answer with JSON but with Welcome to centaur-tools",
  );
});

test("a gigabyte of output ends it at the limit", async () => {
  const started = performance.now();
  await expect(call("head -c 1000000000 /dev/zero")).rejects.toThrow(
    "tool t.m: centaur-tools wrote more than 16777216 bytes",
  );
  expect(performance.now() - started).toBeLessThan(15_000);
});

test("one that hangs is ended with everything it started", async () => {
  const script = `sleep 1000 & echo $! > ${dir}/child; echo $$ > ${dir}/own; echo waiting >&2; wait`;
  await expect(call(script, 700)).rejects.toThrow("tool t.m: centaur-tools did not end within 0.7 s; it said: waiting");
  await expect.poll(() => isAlive(pidIn("child")) || isAlive(pidIn("own"))).toBe(false);
});

test("one whose run is cancelled is ended", async () => {
  const run = new AbortController();
  const called = call(`echo $$ > ${dir}/own; sleep 1000`, 20_000, run.signal);
  const failed = expect(called).rejects.toThrow("was stopped with its run");
  await expect.poll(() => written("own")).toBe(true);
  run.abort();
  await failed;
  await expect.poll(() => isAlive(pidIn("own"))).toBe(false);
});

test("what it leaves running in the background neither holds the answer up nor outlives it", async () => {
  expect(await call(`sleep 1000 & echo $! > ${dir}/child; echo 1`)).toBe("1");
  await expect.poll(() => isAlive(pidIn("child"))).toBe(false);
});

test("it ends when the process that called it is killed", async () => {
  const module = path.resolve("src/effects/tools/run-program.ts");
  const script = `import { runProgram } from ${JSON.stringify(module)};
    await runProgram({ program: "/bin/sh", args: ["-c", "echo $$ > ${dir}/own; sleep 1000"], input: "", env: { PATH: "/usr/bin:/bin" },
      timeoutMs: 60000, maxOutputBytes: 1000, signal: new AbortController().signal, what: "x" });`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
  await expect.poll(() => written("own"), { timeout: 10_000 }).toBe(true);
  expect(isAlive(pidIn("own"))).toBe(true);
  parent.kill("SIGKILL");
  await expect.poll(() => isAlive(pidIn("own")), { timeout: 5_000 }).toBe(false);
});
