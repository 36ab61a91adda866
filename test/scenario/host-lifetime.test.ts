// No process outlives its runtime, however that ended; and a host that does not come up is a clear failure, told once.
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Leftovers } from "../../adapters/python/leftovers.ts";
import { MemorySession, NEVER, runOf } from "./host-fixtures/session.ts";
import {
  FIXTURES,
  HOST_SCRIPT,
  SAMPLES,
  eventually,
  isRunning,
  openProject,
  temporaryFolder,
} from "./host-fixtures/project.ts";

async function killedRuntime(): Promise<{ stateDir: string; pid: number; children: number[] }> {
  const stateDir = temporaryFolder();
  const args = [fileURLToPath(new URL("./host-fixtures/runtime.ts", import.meta.url)), SAMPLES, stateDir, HOST_SCRIPT];
  const runtime = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface(runtime.stdout), "line")) as [string];
  const { pid, children } = JSON.parse(line) as { pid: number; children: number[] };
  expect([pid, ...children].every(isRunning)).toBe(true);
  runtime.kill("SIGKILL");
  await once(runtime, "exit");
  return { stateDir, pid, children };
}

test("when the runtime is killed its host ends within two seconds", async () => {
  const { pid, stateDir } = await killedRuntime();
  await eventually(() => !isRunning(pid), 2_000);
  new Leftovers(stateDir).sweep();
});

test("what a killed runtime's host had started ends when the next runtime starts", async () => {
  const { stateDir, pid, children } = await killedRuntime();
  await eventually(() => !isRunning(pid), 2_000);
  openProject({ stateDir });
  await eventually(() => !children.some(isRunning));
});

test("a number that the system gave to another process is left alone", async () => {
  const stranger = spawn("sleep", ["3600"], { detached: true, stdio: "ignore" });
  const stateDir = temporaryFolder();
  const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const record = { boot, runtime: { pid: 1, start: "-1" }, hosts: [{ pid: stranger.pid!, start: "1" }] };
  fs.writeFileSync(path.join(stateDir, "hosts.json"), JSON.stringify(record));
  expect(new Leftovers(stateDir).sweep()).toEqual([]);
  expect(isRunning(stranger.pid!)).toBe(true);
  stranger.kill("SIGKILL");
  await once(stranger, "exit");
});

test("closing leaves no process, no record and no temporary folder", async () => {
  const { host, stateDir } = openProject();
  await host.load();
  const { pid } = host.status()[0]!;
  expect(fs.existsSync(path.join(stateDir, "hosts.json"))).toBe(true);
  await host.close();
  expect(isRunning(pid)).toBe(false);
  expect(fs.existsSync(path.join(stateDir, "hosts.json"))).toBe(false);
});

test("a module that ends the process while it is imported is a problem of its file, with how the process ended", async () => {
  const folder = temporaryFolder();
  const text = 'WORKFLOW_NAME = "dies"\nimport os\nos.write(2, b"dying words\\n")\nos._exit(9)\n';
  fs.writeFileSync(path.join(folder, "dies.py"), text);
  const { host } = openProject({ dirs: [folder] });
  const { discovery } = (await host.load())!;
  expect(discovery.workflows).toEqual([]);
  expect(discovery.problems).toMatchObject([
    {
      path: path.join(folder, "dies.py"),
      kind: "exit",
      workflowName: "dies",
      message: expect.stringContaining("status 9"),
    },
  ]);
  expect(host.status()).toHaveLength(1);
});

test("a host script that cannot run fails the load with what the interpreter said", async () => {
  const { host } = openProject({ hostScript: "/nowhere/workflow-host" });
  await expect(host.load()).rejects.toMatchObject({
    code: "host_failed",
    message: expect.stringContaining("No such file"),
  });
});

test("lines without the nonce are log lines, whatever they claim", async () => {
  const { host, events } = openProject({ hostScript: path.join(FIXTURES, "stray-host.py") });
  const loaded = await host.load();
  expect(loaded!.discovery.workflows.map((workflow) => workflow.workflowName)).toEqual(["stray"]);
  const lines = events.filter((event) => event.type === "host.log");
  expect(lines.map((line) => line.message)).toContain("ünder the counter");
  expect(lines).toHaveLength(3);
  const session = new MemorySession();
  const end = await loaded!.host.run(runOf("stray", { a: 1 }), session, NEVER);
  expect(end).toEqual({ kind: "result", value: '{"a":1}' });
  expect(session.messages).toContain('{"t":"result","r":1}\ttrue');
});

test("an environment too large for a process is a clear failure", async () => {
  const { host } = openProject({ env: { ...process.env, HUGE: "x".repeat(3_000_000) } });
  await expect(host.load()).rejects.toMatchObject({
    code: "python_missing",
    message: expect.stringContaining("E2BIG"),
  });
});
