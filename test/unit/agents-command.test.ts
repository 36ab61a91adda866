// The backend `command` with real programs: what they get, what their output means, and that none of them outlives its turn.
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openAgents, refusal, TASK_HEX, writeProgram, type AgentBench } from "../support/agent-bench.ts";

let root: string;

beforeEach(() => {
  root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "chiron-command-")));
});

afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

/** Agents whose only backend runs this program. */
function openProgram(text: string, settings = "", env: Record<string, string> = {}): AgentBench {
  writeProgram(root, "agent", text);
  return openAgents(
    root,
    `[agents]\nbackend = "cli"\n[agents.backends.cli]\nkind = "command"\n${settings || 'command = ["./agent"]'}`,
    env,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie is gone but for its parent's look at it.
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 900 && !holds(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(holds()).toBe(true);
}

const READ_ALL = `let text = ""; process.stdin.on("data", (part) => (text += part)); process.stdin.on("end", () => answer(text));\n`;

test("the prompt comes on stdin, lines are told as they come, and the environment is an allow-list", async () => {
  const { turn, agents, context } = openProgram(
    `${READ_ALL}function answer(text) { console.log("working"); console.log(text.toUpperCase()); console.log(JSON.stringify(Object.keys(process.env))); }`,
    'command = ["./agent"]\nenv = ["AGENT_TOKEN"]',
    { AGENT_TOKEN: "t", DATABASE_URL: "postgres://secret", HOME: "/home/me" },
  );
  const told: string[] = [];
  const answer = await turn({ text: "-- count" }, { line: (line) => told.push(line) });
  expect(answer.output_lines.slice(0, 2)).toEqual(["working", "-- COUNT"]);
  expect(told).toEqual(answer.output_lines);
  const names = JSON.parse(answer.output_lines[2]!) as string[];
  expect(names).toEqual(
    expect.arrayContaining(["PATH", "HOME", "AGENT_TOKEN", "CHIRON_EXECUTION_KEY", "CHIRON_TASK_ID"]),
  );
  expect(names).not.toContain("DATABASE_URL");
  expect(answer.execution_id).toMatch(/^command:absurd-workflow-agent-turn:/);
  expect(agents.describe("ctx.agent_turn", "{}" as never, context())).toEqual({
    nature: "real",
    by: `command ${root}/agent`,
  });
});

test("the prompt can be an argument, with the model's arguments where the command wants them", async () => {
  const text = "console.log(JSON.stringify(process.argv.slice(2)))";
  const settings = 'prompt = "argument"\nmodel_arguments = ["--model", "{model}"]\n';
  const placed = openProgram(
    text,
    `${settings}command = ["./agent", "run", "{model_arguments}", "-p={prompt}", "{thread_key}"]`,
  );
  const last = openProgram(text, `${settings}command = ["./agent", "run"]`);
  const argsOf = async (bench: AgentBench, args: object): Promise<unknown> =>
    JSON.parse((await bench.turn(args)).output_lines[0]!);
  expect(await argsOf(placed, { text: "hi $& {model}", model: "m1" })).toEqual([
    "run", "--model", "m1", "-p=hi $& {model}", `wf:${TASK_HEX}:agent:report`,
  ]); // prettier-ignore
  expect(await argsOf(last, { text: "hi", model: "m1" })).toEqual(["run", "--model", "m1", "hi"]);
  expect(await argsOf(last, { text: "hi" })).toEqual(["run", "hi"]);
});

test.each([
  ['console.log(\'{"type":"system"}\\n{"type":"result","result":"claude says"}\')', "claude says"],
  [
    'console.log(\'{"type":"item.completed","item":{"type":"agent_message","text":"codex says"}}\\n{"type":"turn.completed"}\')',
    "codex says",
  ],
  [
    'console.log(\'{"type":"assistant","message":{"content":[{"type":"text","text":"amp "},{"type":"text","text":"says"}]}}\')',
    "amp says",
  ],
  ['console.log("plain\\ntext")', "plain\ntext"],
  ['process.stdout.write("no newline")', "no newline"],
])("finds what the agent finally said: %#", async (text, said) => {
  expect((await openProgram(text).turn({ text: "x" })).result_text).toBe(said);
});

test("a program that fails is an error with its last words, its thread and its execution", async () => {
  const { turn } = openProgram('console.error("no credit left"); process.exitCode = 3;');
  const told = await refusal(turn({ text: "x" }));
  for (const part of [
    "exited with status 3: no credit left",
    `wf:${TASK_HEX}:agent:report`,
    "command:absurd-workflow-agent-turn:",
  ]) {
    expect(told).toContain(part);
  }
});

test.each([
  ['{"type":"result","is_error":true,"subtype":"error_max_turns"}', "error_max_turns"],
  ['{"type":"turn.failed","error":{"message":"quota"}}', "quota"],
])("a program that says it failed has failed, whatever its exit status: %s", async (line, told) => {
  expect(await refusal(openProgram(`console.log(${JSON.stringify(line)})`).turn({ text: "x" }))).toContain(told);
});

test("a program that is not there, cannot run, or whose argument is too long says what to do", async () => {
  const { turn } = openProgram("", 'command = ["no-such-agent"]');
  expect(await refusal(turn({ text: "x" }))).toMatch(/could not be started.*Install no-such-agent/);
  const argument = openProgram("", 'command = ["./agent"]\nprompt = "argument"');
  expect(await refusal(argument.turn({ text: "x".repeat(3_000_000) }))).toContain('prompt = "stdin"');
  expect(await refusal(argument.turn({ text: "a\0b" }))).toContain('prompt = "stdin"');
});

test("a silent program is ended as a group, what it started included", async () => {
  const { turn } = openProgram(
    `const { spawn } = require("node:child_process");
     const child = spawn(process.execPath, ["-e", "process.on('SIGTERM', () => 0); setInterval(() => 0, 1000)"], { stdio: "inherit" });
     require("node:fs").writeFileSync("pids", process.pid + " " + child.pid);
     process.on("SIGTERM", () => 0);
     setInterval(() => 0, 1000);`,
  );
  const told = await refusal(turn({ text: "x", idle_timeout_ms: 2_500 }));
  expect(told).toMatch(/said nothing for 2500 ms \(idle_timeout_ms\)/);
  const pids = fs.readFileSync(path.join(root, "pids"), "utf8").split(" ").map(Number);
  expect(pids).toHaveLength(2);
  await until(() => !pids.some(isAlive));
});

test("a program that talks for too long is ended", async () => {
  const { turn } = openProgram('setInterval(() => console.log("still here"), 20)');
  expect(await refusal(turn({ text: "x", idle_timeout_ms: 5_000, max_duration_ms: 400 }))).toContain(
    "did not end within 400 ms (max_duration_ms)",
  );
});

test("a program that prints a gigabyte is ended with a named error and without its memory", async () => {
  const { turn } = openProgram(
    `const chunk = Buffer.alloc(1 << 20, "x"); let left = 1024;
     (function more() { while (left-- > 0) if (!process.stdout.write(chunk)) return process.stdout.once("drain", more); })();`,
  );
  const before = process.memoryUsage().rss;
  expect(await refusal(turn({ text: "x" }))).toMatch(/wrote more than 8388608 bytes.*max_output_bytes/);
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
});

test("a program whose children keep its output open is over when it is", async () => {
  const { turn } = openProgram(
    `require("node:child_process").spawn("sleep", ["60"], { stdio: "inherit", detached: true }).unref(); console.log("done");`,
  );
  expect((await turn({ text: "x" })).result_text).toBe("done");
});

test("a cancelled run ends its program; a retried one finds it still at work", async () => {
  const { turn } = openProgram(
    `${READ_ALL}function answer() { const fs = require("node:fs"); fs.appendFileSync("starts", "x");
      const timer = setInterval(() => { if (fs.existsSync("go")) { clearInterval(timer); console.log("went"); } }, 20); }`,
  );
  const starts = (): string =>
    fs.existsSync(path.join(root, "starts")) ? fs.readFileSync(path.join(root, "starts"), "utf8") : "";
  const first = new AbortController();
  const left = refusal(turn({ text: "x" }, { signal: first.signal }));
  await until(() => starts() === "x");
  first.abort("again");
  await left;
  const cancelled = new AbortController();
  const second = refusal(turn({ text: "x" }, { signal: cancelled.signal }));
  cancelled.abort("cancelled");
  await second;
  fs.writeFileSync(path.join(root, "go"), "");
  expect((await turn({ text: "x" })).result_text).toBe("went");
  expect(starts()).toBe("xx");
});

test("turns beyond agents.max_turns wait, and an abandoned one leaves the queue", async () => {
  writeProgram(root, "agent", `process.stdin.resume().on("end", () => console.log(Date.now()))`);
  const toml =
    '[agents]\nbackend = "cli"\nmax_turns = 1\n[agents.backends.cli]\nkind = "command"\ncommand = ["./agent"]';
  const { turn } = openAgents(root, toml);
  const gone = new AbortController();
  const all = [
    turn({ text: "1" }, { ordinal: "1" }),
    refusal(turn({ text: "2" }, { ordinal: "2", signal: gone.signal })),
    turn({ text: "3" }, { ordinal: "3" }),
  ] as const;
  gone.abort("cancelled");
  const [one, , three] = await Promise.all(all);
  expect(Number(three.result_text)).toBeGreaterThan(Number(one.result_text));
});

test("a program does not outlive a runtime that is killed", async () => {
  writeProgram(
    root,
    "agent",
    `require("node:fs").writeFileSync("pid", String(process.pid)); setInterval(() => 0, 1000);`,
  );
  const support = new URL("../support/agent-bench.ts", import.meta.url).href;
  const toml = '[agents]\nbackend = "cli"\n[agents.backends.cli]\nkind = "command"\ncommand = ["./agent"]';
  const script = `const { openAgents } = await import(${JSON.stringify(support)}); await openAgents(${JSON.stringify(root)}, ${JSON.stringify(toml)}).turn({ text: "x" });`;
  const runtime = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
  await until(() => fs.existsSync(path.join(root, "pid")) && fs.readFileSync(path.join(root, "pid"), "utf8") !== "");
  const pid = Number(fs.readFileSync(path.join(root, "pid"), "utf8"));
  expect(isAlive(pid)).toBe(true);
  runtime.kill("SIGKILL");
  await until(() => !isAlive(pid));
});
