// The command line without a server: the real launcher, a real store, real Python.
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Project } from "./cli-process.ts";

const ECHO = `
WORKFLOW_NAME = "mirror"

async def handler(inp, ctx):
    """Answers its input."""
    print("mirroring")
    return await ctx.step("look", lambda: inp)
`;

const BROKEN = `
WORKFLOW_NAME = "broken"

def helper():
    raise ValueError("the cupboard is bare")

async def handler(inp, ctx):
    await ctx.step("fine", lambda: 1)
    helper()
`;

let project: Project;
beforeAll(async () => {
  project = new Project();
  expect(await project.run(["init"])).toMatchObject({ exit: 0 });
  project.write("mirror.py", ECHO);
  project.write("broken.py", BROKEN);
});
afterAll(() => project.remove());

test("what init makes passes its own check and runs to its end", async () => {
  const checked = await project.run(["check", "--strict", "--json"]);
  expect(JSON.parse(checked.stdout)).toMatchObject({ ok: true, imported: true });
  const ran = await project.run(["run", "hello", "--input", '{"name": "Ada", "pause_seconds": 0}', "--wait"]);
  expect(ran).toMatchObject({ exit: 0, stderr: "" });
  expect(JSON.parse(ran.stdout)).toMatchObject({ greeting: "Hello, Ada!" });
});

test("an input from standard input arrives as it was written, and its value comes back so", async () => {
  const ran = await project.run(["run", "mirror", "--input-file", "-", "--wait"], {
    stdin: '{"big": 9007199254740993, "deep": [[1.50]]}\n',
  });
  expect(ran).toMatchObject({ exit: 0, stdout: '{"big":9007199254740993,"deep":[[1.5]]}\n' });
});

test("--follow shows what the workflow prints and each step", async () => {
  const ran = await project.run(["run", "mirror", "--input", "[1]", "--follow"]);
  expect(ran).toMatchObject({ exit: 0, stdout: "[1]\n" });
  expect(ran.stderr).toMatch(/stdout │ mirroring\n[\s\S]*· look[\s\S]*✔ completed/);
});

describe("a run that fails", () => {
  test("exits 3, and its page shows where and what was done before", async () => {
    const failed = await project.run(["run", "broken", "--max-attempts", "1", "--wait", "--json"]);
    expect(failed.exit).toBe(3);
    const { run_id, failure } = JSON.parse(failed.stdout) as { run_id: string; failure: { message: string } };
    expect(failure.message).toContain("the cupboard is bare");
    const page = await project.run(["runs", "show", run_id.slice(-12)]);
    expect(page.stdout).toContain("ValueError: the cupboard is bare");
    expect(page.stdout).toContain("at workflows/broken.py:5 in helper");
    expect(page.stdout).toMatch(/1 +fine +step/);
  });

  test("is listed with its reason, and can be retried for a later server", async () => {
    const listed = await project.run(["runs", "list", "--status", "failed"]);
    expect(listed.stdout).toMatch(/broken +failed .*ValueError: the cupboard is bare/);
    const { runs } = JSON.parse((await project.run(["runs", "list", "--json", "--status", "failed"])).stdout) as {
      runs: { task_id: string }[];
    };
    const retried = await project.run(["runs", "retry", runs[0]!.task_id]);
    expect(retried).toMatchObject({ exit: 0 });
    expect(retried.stdout).toContain("gets attempt 2");
    expect(await project.run(["runs", "cancel", runs[0]!.task_id])).toMatchObject({ exit: 0 });
    expect(await project.run(["runs", "retry", runs[0]!.task_id])).toMatchObject({ exit: 6 });
  });
});

test("a command that stops waiting gives the run back, and the next one goes on with it", async () => {
  const key = ["--key", "long", "--input", '{"pause_seconds": 2}'];
  const stopped = await project.run(["run", "hello", ...key, "--timeout", "1500ms"]);
  expect(stopped.exit).toBe(7);
  expect(stopped.stderr).toContain('goes on with "chiron dev"');
  const again = await project.run(["run", "hello", ...key, "--wait", "--json"]);
  expect(again.exit).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({ created: false, status: "completed", attempts: 1 });
});

test("a mistyped workflow name exits 5 with the one that was meant", async () => {
  const { exit, stderr } = await project.run(["run", "miror"]);
  expect(exit).toBe(5);
  expect(stderr).toContain("Did you mean mirror");
});

test("check finds a file that does not load, by path and line, and exits 3", async () => {
  project.write("odd/typo.py", 'WORKFLOW_NAME = "typo"\n\nasync def handler(inp, ctx)\n    return 1\n');
  const { exit, stdout } = await project.run(["check"]);
  expect(exit).toBe(3);
  expect(stdout).toMatch(/^workflows\/odd\/typo\.py:3: error /m);
  const listed = await project.run(["workflows", "list"]);
  expect(listed.stdout).toMatch(/workflows\/odd\/typo\.py:3: error/);
  fs.rmSync(path.join(project.root, "workflows/odd"), { recursive: true });
});

test("doctor reports the project and leaves it as it is", async () => {
  const before = fs.readdirSync(path.join(project.root, ".chiron")).sort();
  const { exit, stdout } = await project.run(["doctor", "--json"]);
  expect(exit).toBe(0);
  const { checks } = JSON.parse(stdout) as { checks: { name: string; message: string }[] };
  expect(checks.find((check) => check.name === "store")!.message).toContain("in use by nobody");
  expect(fs.readdirSync(path.join(project.root, ".chiron")).sort()).toEqual(before);
});

test("a backup can be looked at like a store, and is never overwritten unasked", async () => {
  const target = path.join(project.root, "backups", "one.db");
  expect(await project.run(["db", "backup", target])).toMatchObject({ exit: 0 });
  const { stdout } = await project.run(["db", "status", "--json", "--db", target]);
  const copied = JSON.parse(stdout) as { tasks: Record<string, number> };
  const original = JSON.parse((await project.run(["db", "status", "--json"])).stdout) as typeof copied;
  expect(copied.tasks).toEqual(original.tasks);
  expect(await project.run(["db", "backup", target])).toMatchObject({ exit: 6 });
  expect(fs.readdirSync(path.dirname(target))).toEqual(["one.db"]);
});

test("keys are made, listed and revoked, and do not lock the store's owner out", async () => {
  const made = await project.run(["keys", "create", "--name", "ci", "--scope", "read"]);
  expect(made.stdout).toMatch(/^chiron_[0-9a-f]{12}_[\w-]{43}\n$/);
  const listed = await project.run(["keys", "list"]);
  expect(listed.stdout).toMatch(/ci +read/);
  expect(listed.stdout).not.toContain(made.stdout.trim());
  expect(await project.run(["runs", "list"])).toMatchObject({ exit: 0 });
  expect(await project.run(["keys", "revoke", made.stdout.trim()])).toMatchObject({ exit: 0 });
  expect(await project.run(["keys", "revoke", "nope"])).toMatchObject({ exit: 5 });
});
