// `chiron test` as a person uses it: the real command in a project of its own.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Project, type Finished } from "./cli-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const HELLO = fs.readFileSync(path.join(ROOT, "fixtures/workflows/hello.py"), "utf8");

let project: Project;

beforeEach(() => {
  project = new Project();
});

afterEach(async () => {
  await project.remove();
});

interface Document {
  readonly ok: boolean;
  readonly scenarios: readonly {
    readonly name: string;
    readonly outcome: string;
    readonly failures: readonly { readonly path: string; readonly crash: string | null }[];
    readonly run_ids: readonly string[];
    readonly store: string | null;
    readonly virtual_ms: number;
    readonly duration_ms: number;
    readonly plays: number;
  }[];
}

const read = (done: Finished): Document => JSON.parse(done.stdout) as Document;

/** Everything that failed, in words that show in an assertion. */
function faults({ scenarios }: Document): unknown[] {
  return scenarios.filter(({ outcome }) => outcome !== "passed");
}

test.each([
  ["the sample workflows", "fixtures/workflows", 24],
  ["every sender of webhooks", "fixtures/scenarios/providers", 80],
  ["everything outside", "fixtures/scenarios/outside", 6],
])("the scenarios of %s pass", async (_what, folder, least) => {
  const dir = path.join(ROOT, folder);
  const done = await project.run(["test", dir, "--workflows", dir, "--json"]);
  const document = read(done);
  expect(faults(document)).toEqual([]);
  expect(document.scenarios.length).toBeGreaterThanOrEqual(least);
  expect(done.exit).toBe(0);
});

test("workflow folders that are found beside the files bring the tools inside and beside them", async () => {
  const document = read(
    await project.run(["test", path.join(ROOT, "fixtures/workflows"), "-k", "local tool", "--json"]),
  );
  expect(faults(document)).toEqual([]);
  expect(document.scenarios).toHaveLength(1);
});

test("the examples of docs/scenarios.md pass as they stand there", async () => {
  const text = fs.readFileSync(path.join(ROOT, "docs/scenarios.md"), "utf8");
  const blocks = [...text.matchAll(/^```\w+ file=(\S+)\n([\s\S]*?)^```$/gm)];
  expect(blocks.length).toBeGreaterThanOrEqual(5);
  for (const [, name, content] of blocks) project.write(path.relative("workflows", name!), content!);
  const done = await project.run(["test", "--json"]);
  expect(faults(read(done))).toEqual([]);
  expect(done).toMatchObject({ exit: 0 });
});

test("a failure shows what came, and keeps a store in which the run can be looked at", async () => {
  project.write("hello.py", HELLO);
  project.write(
    "a.scenario.yaml",
    "name: wrong\nworkflow: hello\nruns: [{ input: { name: Ada } }]\nexpect:\n  run: { result: { greeting: Hi } }\n",
  );
  const done = await project.run(["test"]);
  expect(done.exit).toBe(1);
  expect(done.stdout).toContain("expect.run.result.greeting  workflows/a.scenario.yaml:5:20");
  expect(done.stdout).toContain('expected "Hi"\n      actual   "Hello, Ada!"');
  const [, command] = /look: chiron (.*)/.exec(done.stdout)!;
  const shown = await project.run(command!.split(" "));
  expect(shown.stdout).toContain("Hello, Ada!");
});

test("an update makes what failed pass, and keeps comments", async () => {
  project.write("hello.py", HELLO);
  project.write(
    "a.scenario.yaml",
    "# why\nname: wrong\nworkflow: hello\nruns: [{}]\nexpect:\n  run:\n    result: { greeting: Hi } # the words\n    steps: []\n",
  );
  expect(await project.run(["test", "--update"])).toMatchObject({ exit: 0 });
  const text = fs.readFileSync(path.join(project.root, "workflows/a.scenario.yaml"), "utf8");
  expect(text).toBe(
    '# why\nname: wrong\nworkflow: hello\nruns: [{}]\nexpect:\n  run:\n    result: { greeting: "Hello, world!" } # the words\n    steps: [greet]\n',
  );
  expect(await project.run(["test"])).toMatchObject({ exit: 0 });
});

const WEEK = `
from api.workflow_engine import WorkflowContext

WORKFLOW_NAME = "week"

async def handler(inp, ctx: WorkflowContext):
    for day in range(7):
        await ctx.sleep(f"night {day}", 86_400)
    return day
`;

test("a week of sleeps takes seconds at most", async () => {
  project.write("week.py", WEEK);
  project.write(
    "a.scenario.yaml",
    "name: a week\nworkflow: week\nruns: [{}]\nexpect: { run: { result: 6, duration: 7d } }\n",
  );
  const { scenarios } = read(await project.run(["test", "--json"]));
  expect(scenarios[0]).toMatchObject({ outcome: "passed", virtual_ms: 7 * 86_400_000 });
  expect(scenarios[0]!.duration_ms).toBeLessThan(10_000);
});

const DOUBLES = `
import uuid
from api.workflow_engine import WorkflowContext

WORKFLOW_NAME = "doubles"

async def handler(inp, ctx: WorkflowContext):
    await ctx.agent_turn("hello", idempotency_key=str(uuid.uuid4()))
    await ctx.step("after", lambda: 1)
`;

test("a crash finds what goes out twice", async () => {
  project.write("doubles.py", DOUBLES);
  project.write("a.scenario.yaml", "name: twice\nworkflow: doubles\ncrash: every-step\nruns: [{}]\n");
  const { scenarios } = read(await project.run(["test", "--json"]));
  expect(scenarios[0]).toMatchObject({
    outcome: "failed",
    plays: 3,
    failures: [{ path: "expect.outbox", crash: "step after of doubles" }],
  });
});

const ENDLESS = `
import asyncio

WORKFLOW_NAME = "endless"

async def handler(inp, ctx):
    await asyncio.sleep(600)
`;

test("exit codes tell a wrong file, a failure and a timeout apart", async () => {
  project.write("hello.py", HELLO);
  project.write("endless.py", ENDLESS);
  project.write("late.scenario.yaml", "name: late\nworkflow: endless\ntimeout: 500ms\nruns: [{}]\n");
  project.write("hook.scenario.yaml", "name: no hook\nhook: nowhere\ndeliveries: [{ body: {} }]\n");
  const late = await project.run(["test", "-k", "late"]);
  expect(late).toMatchObject({ exit: 4, stdout: expect.stringContaining("look: chiron runs list --db") });
  const none = await project.run(["test", "-k", "no hook"]);
  expect(none).toMatchObject({ exit: 2, stdout: expect.stringContaining('no webhook has the slug "nowhere"') });
  expect((await project.run(["test", "-k", "late", "--python", "/nowhere/python3"])).exit).toBe(3);
  project.write("bad.scenario.yaml", "name: x\nworkflw: hello\n");
  const bad = await project.run(["test"]);
  expect(bad.exit).toBe(2);
  expect(bad.stderr).toContain('bad.scenario.yaml:2:1: unknown field "workflw"; did you mean "workflow"?');
});

test("reports for programs are written beside the result", async () => {
  project.write("hello.py", HELLO);
  project.write("a.scenario.yaml", "- { name: one, workflow: hello, runs: [{}] }\n- { name: two, skip: later }\n");
  const done = await project.run(["test", "--tap", "--junit", "report.xml"]);
  expect(done.stdout).toBe("TAP version 14\n1..2\nok 1 - one\nok 2 - two # SKIP later\n");
  expect(fs.readFileSync(path.join(project.root, "report.xml"), "utf8")).toContain('tests="2" failures="0"');
  expect(fs.existsSync(path.join(project.root, ".chiron/chiron.db"))).toBe(false);
});

test("against a server the same scenarios go over the network, again and again", async () => {
  project.write("triage.py", fs.readFileSync(path.join(ROOT, "fixtures/workflows/github_issue_triage.py"), "utf8"));
  project.write(
    "a.scenario.yaml",
    `- name: filed
  hook: github-issue-triage
  deliveries:
    - { id: first, sample: issues.opened, expect: { status: 202 } }
    - { sample: issues.opened, sign: tampered }
  expect: { run: { id: { $ref: first.body.task_id }, result: { number: 2 } } }
- { name: stubbed, hook: github-issue-triage, stubs: { steps: { triage: { result: 1 } } } }
`,
  );
  const env = { GITHUB_WEBHOOK_SECRET: "shared-between-both" };
  const dev = await project.dev(env);
  for (let time = 0; time < 2; time += 1) {
    const done = await project.run(["test", "--json", "--against", dev.url], { env });
    expect(read(done).scenarios.map(({ outcome }) => outcome)).toEqual(["passed", "skipped"]);
  }
  await dev.stop();
});

test("an edit runs what it touches, until Ctrl-C", async () => {
  project.write("hello.py", HELLO);
  project.write("week.py", WEEK);
  project.write(
    "a.scenario.yaml",
    "- { name: one, workflow: hello, runs: [{}] }\n- { name: two, workflow: week, runs: [{}] }\n",
  );
  const { process: child, finished } = project.start(["test", "--watch"]);
  let said = "";
  let heard = Promise.withResolvers<void>();
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on("data", (chunk) => {
      said += String(chunk);
      heard.resolve();
      heard = Promise.withResolvers();
    });
  }
  const rounds = (): string[] => said.split("watching; Ctrl-C ends");
  const round = async (count: number): Promise<string> => {
    while (rounds().length <= count) await heard.promise;
    return rounds()[count - 1]!;
  };
  expect(await round(1)).toMatch(/one[\s\S]*two[\s\S]*2 passed/);
  project.write("week.py", `${WEEK}# edited\n`);
  expect(await round(2)).toMatch(/^(?!.*one)[\s\S]*two[\s\S]*1 passed/);
  child.kill("SIGINT");
  expect((await finished).exit).toBe(0);
});
