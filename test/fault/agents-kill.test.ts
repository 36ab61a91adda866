// kill -9 of the runtime on both sides of the checkpoint of an agent's turn: before it the turn is asked for again under the same key,
// behind it never. A backend that can find its execution again starts no second one; a program runs again and is told the same key.
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { startSessionApi, type SessionApi } from "../support/session-api.ts";

const WORKFLOW = `
WORKFLOW_NAME = "two"

async def handler(inp, ctx):
    a = await ctx.step("a", lambda: ctx.agent_turn("question a"))
    b = await ctx.step("b", lambda: ctx.agent_turn("question b"))
    return [a["result_text"], b["result_text"]]
`;

const PROGRAM = `#!/bin/sh
read -r prompt
echo "$CHIRON_EXECUTION_KEY" >> keys
echo "answer to $prompt"
`;

let api: SessionApi;
let project: Project;
let chiron: Chiron | null = null;

beforeEach(async () => {
  api = await startSessionApi();
  project = makeProject({ "workflows/two.py": WORKFLOW, "chiron.toml": '[agents]\nbackend = "session"\n' });
});

afterEach(async () => {
  await chiron?.kill();
  await api.close();
  project.remove();
});

/** Runs the workflow on a runtime that is killed at this moment, and to its end on the next one. */
async function killedAt(point: string): Promise<unknown> {
  const first = await startChiron(project, { CENTAUR_API_URL: api.url, CHIRON_FAULT_POINT: point });
  chiron = first;
  const create = first.post("/api/workflows/runs", { workflow_name: "two", input: {}, idempotency_key: "one" });
  const { body } = await create;
  expect(await first.exited).toBe("SIGKILL");
  chiron = await startChiron(project, { CENTAUR_API_URL: api.url });
  const run = await chiron.finished((body as { run_id: string }).run_id);
  return run.result.output as unknown;
}

test.each([
  ["progress.checkpoint:before:1", 3],
  ["progress.checkpoint:after:1", 2],
  ["progress.checkpoint:before:2", 3],
  ["progress.checkpoint:after:2", 2],
])("session: a kill at %s asks %d times for two executions", async (point, asked) => {
  api.agent = (execution, prompt) =>
    execution.end("completed", { result_text: prompt.includes("question a") ? "A" : "B" });
  expect(await killedAt(point)).toEqual(["A", "B"]);
  const keys = api.asked
    .filter((one) => one.path.endsWith("/execute"))
    .map((one) => one.body.idempotency_key as string);
  expect(keys).toHaveLength(asked);
  expect(new Set(keys).size).toBe(2);
  expect(api.executions).toHaveLength(2);
});

test.each([
  ["progress.checkpoint:before:2", 3],
  ["progress.checkpoint:after:2", 2],
])("command: a kill at %s runs the program %d times, under two keys", async (point, ran) => {
  fs.chmodSync(project.write("agent.sh", PROGRAM), 0o755);
  project.write(
    "chiron.toml",
    '[agents]\nbackend = "cli"\n[agents.backends.cli]\nkind = "command"\ncommand = ["./agent.sh"]\n',
  );
  expect(await killedAt(point)).toEqual(["answer to question a", "answer to question b"]);
  const keys = fs.readFileSync(path.join(project.dir, "keys"), "utf8").trim().split("\n");
  expect(keys).toHaveLength(ran);
  expect(new Set(keys).size).toBe(2);
});
