// Agent calls of real workflow files, answered by a script and by a program of the project's own.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Answer, type Chiron, type Project } from "../support/chiron-process.ts";

const SCRIPT = `answers:
  - { contains: "slow", text: "slow done", delay: 1s }
  - { contains: "fail", error: "no such luck" }
  - { agent: named, text: "called by name" }
  - { text: "fast: {prompt}" }
`;

const TOML = `[agents]
backend = "script"
[agents.harness]
pi = "program"
[agents.backends.script]
file = "answers.yaml"
[agents.backends.program]
kind = "command"
command = ["./agent.sh"]
`;

const handler = (name: string, body: string, head = ""): string =>
  `import asyncio\nimport time\n\nWORKFLOW_NAME = "${name}"\n${head}\n\nasync def handler(inp, ctx):\n${body
    .trim()
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n")}\n`;

const FILES = {
  "answers.yaml": SCRIPT,
  "chiron.toml": TOML,
  "workflows/gathers.py": handler(
    "gathers",
    `
begun = time.monotonic()
answers = await asyncio.gather(*[ctx.agent_turn(f"slow {n}") for n in range(4)])
return {"answers": len(answers), "seconds": time.monotonic() - begun}`,
  ),
  "workflows/starts.py": handler(
    "starts",
    `
begun = time.monotonic()
one = ctx.start_agent("named", text="x")
two = ctx.start_agent(text="slow")
started = time.monotonic() - begun
result = await two
return {"started": started, "two": two["result_text"], "same": result is (await two), "one": (await one)["result_text"]}`,
  ),
  "workflows/batches.py": handler(
    "batches",
    `
names = ["slow a", "fail b", "c"]
answer = await ctx.run_agents([{"name": name, "text": name} for name in names], max_concurrency=2)
errors = []
for wrong in ([{"name": "a", "text": "x"}] * 2, [{"name": str(n), "text": "x"} for n in range(33)], [{"name": "a", "message_id": "m"}]):
    try:
        await ctx.run_agents(wrong)
    except (ValueError, RuntimeError) as error:
        errors.append(str(error))
return {"answer": answer, "errors": errors}`,
  ),
  "workflows/wrong.py": handler(
    "wrong",
    `
errors = []
for kwargs in ({}, {"text": "x", "harness": "claude-code"}, {"text": "x", "thread_key": "plain"}, {"text": "fail"}):
    try:
        await ctx.agent_turn(**kwargs)
    except RuntimeError as error:
        errors.append(str(error))
return errors`,
  ),
  "workflows/program.py": handler(
    "program",
    `return await ctx.run_agent("label", prompt="hello")`,
    'AGENT_DEFAULTS = {"harness": "pi"}',
  ),
};

let project: Project;
let chiron: Chiron;

beforeAll(async () => {
  project = makeProject(FILES);
  const program = project.write("agent.sh", '#!/bin/sh\necho working\nread -r prompt\necho "you said $prompt"\n');
  const { chmodSync } = await import("node:fs");
  chmodSync(program, 0o755);
  chiron = await startChiron(project);
});

afterAll(async () => {
  await chiron.kill();
  project.remove();
});

async function output(workflowName: string): Promise<Answer["body"]> {
  const { body } = await chiron.post("/api/workflows/runs", { workflow_name: workflowName, input: {} });
  const run = await chiron.finished((body as { run_id: string }).run_id);
  expect(run.status, JSON.stringify(run)).toBe("completed");
  return run.result.output as Answer["body"];
}

test("turns of a gather run at once", async () => {
  const { answers, seconds } = await output("gathers");
  expect(answers).toBe(4);
  expect(seconds).toBeLessThan(3);
});

test("start_agent returns at once, and its handle is its result when it is awaited", async () => {
  const told = await output("starts");
  expect(told).toMatchObject({ two: "slow done", same: true, one: "called by name" });
  expect(told.started).toBeLessThan(0.8);
});

test("a batch answers in order, and a wrong one is refused before anybody is asked", async () => {
  const { answer, errors } = await output("batches");
  expect(answer).toMatchObject({ succeeded: 2, failed: 1 });
  expect(answer.results.map((one: { name: string; ok: boolean }) => [one.name, one.ok])).toEqual([
    ["slow a", true],
    ["fail b", false],
    ["c", true],
  ]);
  expect(answer.results[1].error).toContain("no such luck");
  expect(errors).toEqual([
    expect.stringContaining("used twice"),
    expect.stringContaining("1 to 32 agents, not 33"),
    expect.stringContaining("message_id"),
  ]);
});

test("a wrong call is an error that says what to do", async () => {
  expect(await output("wrong")).toEqual([
    expect.stringContaining("needs text or content"),
    expect.stringContaining("Did you mean claudecode?"),
    expect.stringContaining("namespace:id"),
    expect.stringContaining("no such luck"),
  ]);
});

test("a harness of its own backend is answered by that program", async () => {
  expect(await output("program")).toMatchObject({ output_lines: ["working", "you said hello"], status: "completed" });
});
