// New code under tasks that have begun: where code is pinned each goes on with what it began on, also after a restart and when the folders
// hold something else; where it is not, with the newest.
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

/** Waits for an event in the middle, and says which version of it and of its helper ran each half. */
const waiting = (version: string): string => `
from workflows.lib.word import WORD

WORKFLOW_NAME = "waiting"


async def handler(inp, ctx):
    first = await ctx.step("first", lambda: "${version}")
    await ctx.wait_for_event("answer", "go", inp["id"])
    return [first, "${version}", WORD]
`;
const helper = (version: string): string => `WORD = "${version}"\n`;

let project: Project;
let server: Chiron;
let started = 0;

beforeEach(() => {
  started = 0;
  project = makeProject({});
  save("old");
});

afterEach(async () => {
  await server.kill();
  project.remove();
});

function save(version: string): void {
  project.write("workflows/waiting.py", waiting(version));
  project.write("workflows/lib/word.py", helper(version));
}

async function serve(code: string, command: "dev" | "serve" = "serve"): Promise<void> {
  const args = command === "serve" ? ["--store", "sqlite", "--code", code] : [];
  server = await startChiron(project, {}, args, command);
}

async function begin(): Promise<string> {
  const id = `task-${(started += 1)}`;
  const created = await server.post("/api/workflows/runs", {
    workflow_name: "waiting",
    input: { id },
    max_attempts: 2,
  });
  const { task_id } = created.body;
  await expect.poll(async () => (await runOf(task_id)).status, { timeout: 20_000 }).toBe("sleeping");
  return task_id;
}

const runOf = async (taskId: string) => (await server.get(`/api/workflows/runs/${taskId}`)).body.run;

async function end(taskId: string, number = 1): Promise<unknown> {
  await server.post("/api/workflows/events", { event_type: "go", correlation_id: `task-${number}`, payload: null });
  const run = await server.finished(taskId);
  expect(run.failure).toBeNull();
  return run.result.output;
}

/** Another machine: nothing of the old code is here but what the store kept. */
function forgetSources(): void {
  fs.rmSync(path.join(project.dir, ".chiron/sources"), { recursive: true });
}

const replacements = () => server.events.filter((event) => event["type"] === "run.code_replaced");
const generations = async () => (await server.get("/api/workflows/generations")).body.generations;

test("after a restart on other code a pinned task ends on the code it began on, and a new one on the new", async () => {
  await serve("pinned");
  const taskId = await begin();
  const before = (await runOf(taskId)).generation;
  await server.kill("SIGTERM");
  save("new");
  forgetSources();
  await serve("pinned");
  expect(await end(taskId)).toEqual(["old", "old", "old"]);
  expect((await runOf(taskId)).generation).toBe(before);
  const second = await begin();
  expect(await end(second, 2)).toEqual(["new", "new", "new"]);
  expect(replacements()).toEqual([]);
});

test("after a restart on other code a task that is not pinned goes on with the newest", async () => {
  await serve("newest");
  const taskId = await begin();
  await server.kill("SIGTERM");
  save("new");
  await serve("newest");
  expect(await end(taskId)).toEqual(["old", "new", "new"]);
});

test("the folders may be gone, later attempts still run, and tracebacks name the file and show the line that ran", async () => {
  project.write(
    "workflows/waiting.py",
    waiting("old").replace("return [", 'raise ValueError("on purpose")  # old line\n    return ['),
  );
  await serve("pinned");
  const taskId = await begin();
  await server.kill("SIGTERM");
  forgetSources();
  fs.rmSync(project.workflows, { recursive: true });
  await serve("pinned");
  await server.post("/api/workflows/events", { event_type: "go", correlation_id: "task-1", payload: null });
  await expect
    .poll(async () => (await runOf(taskId)).failure?.traceback ?? "", { timeout: 20_000 })
    .toContain("old line");
  const { failure } = await runOf(taskId);
  expect(failure.traceback).toContain(path.join(project.workflows, "waiting.py"));
});

test("a reload in one process keeps the replaced code alive for its tasks", async () => {
  project.write("chiron.toml", '[engine]\ncode = "pinned"\n');
  await serve("pinned", "dev");
  const taskId = await begin();
  save("new");
  await server.post("/api/workflows/reload", {});
  expect(await end(taskId)).toEqual(["old", "old", "old"]);
  expect(server.events.filter((event) => event["type"] === "code.loaded")).toEqual([]);
});

test("a removed workflow's tasks end on the code that had it", async () => {
  await serve("pinned");
  const taskId = await begin();
  await server.kill("SIGTERM");
  fs.rmSync(path.join(project.workflows, "waiting.py"));
  await serve("pinned");
  expect(await end(taskId)).toEqual(["old", "old", "old"]);
});

test("code that does not import any more is replaced by the newest, which is said once", async () => {
  project.write("packages/third_party.py", "VALUE = 1\n");
  project.write("workflows/waiting.py", `import third_party\n${waiting("old")}`);
  server = await startChiron(
    project,
    { PYTHONPATH: path.join(project.dir, "packages") },
    ["--store", "sqlite", "--code", "pinned"],
    "serve",
  );
  const taskId = await begin();
  await server.kill("SIGTERM");
  save("new");
  await serve("pinned");
  expect(await end(taskId)).toEqual(["old", "new", "new"]);
  expect(replacements()).toMatchObject([{ taskId, workflowName: "waiting" }]);
  expect(replacements()[0]!["reason"]).toContain("third_party");
  const { logs } = (await server.get(`/api/workflows/runs/${taskId}/logs`)).body;
  const said = logs.filter((line: { message: string }) => line.message.includes("newer code"));
  expect(said).toMatchObject([{ level: "warn", source: "chiron" }]);
  expect((await runOf(taskId)).pinned_generation).toBe((await runOf(taskId)).generation);
});

test("the store's generations, their files and texts can be read", async () => {
  await serve("newest");
  const taskId = await begin();
  const { generation } = await runOf(taskId);
  expect(await generations()).toMatchObject([
    { id: generation, runs: 1, unfinished: 1, files: 2, workflows: 1, serving: true },
  ]);
  const detail = (await server.get(`/api/workflows/generations/${generation}`)).body.generation;
  const file = path.join(project.workflows, "waiting.py");
  expect(detail).toMatchObject({ id: generation, dirs: [project.workflows], workflows: { waiting: file } });
  expect(detail.files.map((one: { path: string }) => one.path)).toEqual([
    path.join(project.workflows, "lib/word.py"),
    file,
  ]);
  const source = await fetch(
    `${server.url}/api/workflows/generations/${generation}/source?path=${encodeURIComponent(file)}`,
  );
  expect(source.headers.get("content-type")).toMatch(/^text\/plain/);
  expect(await source.text()).toBe(waiting("old"));
  expect((await server.get(`/api/workflows/generations/${generation}/source?path=/etc/passwd`)).status).toBe(404);
  expect((await server.get("/api/workflows/generations/none")).status).toBe(404);
});
