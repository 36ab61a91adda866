// A generation runs the bytes that were there when it was loaded, and every change of bytes makes another one.
import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import type { RunEnd } from "../../src/ports/host.ts";
import { MemorySession, NEVER, runOf } from "./host-fixtures/session.ts";
import { openProject, temporaryFolder } from "./host-fixtures/project.ts";

const WORKFLOW = `WORKFLOW_NAME = "says"

from shared import lib

async def handler(inp, ctx):
    from shared import late
    return [WORD, lib.WORD, late.WORD]

WORD = "old"
`;

function writeProject(): { dir: string; shared: string } {
  const root = temporaryFolder();
  const dir = path.join(root, "workflows");
  const shared = path.join(root, "shared");
  fs.mkdirSync(dir);
  fs.mkdirSync(shared);
  fs.writeFileSync(path.join(dir, "says.py"), WORKFLOW);
  fs.writeFileSync(path.join(shared, "lib.py"), 'WORD = "old"\n');
  fs.writeFileSync(path.join(shared, "late.py"), 'WORD = "old"\n');
  return { dir, shared };
}

const says = (end: RunEnd): unknown => (end.kind === "result" ? JSON.parse(end.value) : end);

test("an edit of the same length in the same second is seen, and the old generation keeps its bytes", async () => {
  const { dir, shared } = writeProject();
  const { host } = openProject({ dirs: [dir] });
  const before = await host.load();
  const first = says(await before!.host.run(runOf("says"), new MemorySession(), NEVER));
  const at = new Date();
  for (const file of [path.join(dir, "says.py"), path.join(shared, "lib.py")]) {
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace('"old"', '"new"'));
    fs.utimesSync(file, at, at);
  }
  const after = await host.load({ unless: before!.discovery.generation.id });
  expect(after!.discovery.generation.id).not.toBe(before!.discovery.generation.id);
  expect(first).toEqual(["old", "old", "old"]);
  expect(says(await after!.host.run(runOf("says"), new MemorySession(), NEVER))).toEqual(["new", "new", "old"]);
  expect(says(await before!.host.run(runOf("says"), new MemorySession(), NEVER))).toEqual(["old", "old", "old"]);
});

test("a second process of a generation imports the generation's bytes, not the folder's", async () => {
  const { dir } = writeProject();
  fs.writeFileSync(
    path.join(dir, "dies.py"),
    'WORKFLOW_NAME = "dies"\nimport os\n\nasync def handler(inp, ctx):\n    os._exit(1)\n',
  );
  const { host } = openProject({ dirs: [dir] });
  const loaded = await host.load();
  fs.writeFileSync(path.join(dir, "says.py"), WORKFLOW.replace('"old"', '"new"'));
  expect((await loaded!.host.run(runOf("dies"), new MemorySession(), NEVER)).kind).toBe("crashed");
  expect(says(await loaded!.host.run(runOf("says"), new MemorySession(), NEVER))).toEqual(["old", "old", "old"]);
});

test("a file outside the folders that a workflow imports belongs to the generation", async () => {
  const { dir, shared } = writeProject();
  const { host } = openProject({ dirs: [dir] });
  const before = await host.load();
  const { id } = before!.discovery.generation;
  expect([...before!.discovery.files.keys()]).toContain(path.join(shared, "lib.py"));
  expect(await host.load({ unless: id })).toBeNull();
  fs.writeFileSync(path.join(shared, "lib.py"), 'WORD = "new"\n');
  const after = await host.load({ unless: id });
  expect(says(await after!.host.run(runOf("says"), new MemorySession(), NEVER))).toEqual(["old", "new", "old"]);
});

test("an undone change is the earlier generation again", async () => {
  const { dir } = writeProject();
  const { host } = openProject({ dirs: [dir] });
  const first = await host.load();
  fs.writeFileSync(path.join(dir, "says.py"), WORKFLOW.replace('"old"', '"new"'));
  await host.load();
  fs.writeFileSync(path.join(dir, "says.py"), WORKFLOW);
  const third = await host.load();
  expect(third!.discovery.generation.id).toBe(first!.discovery.generation.id);
});

test("a file that cannot be read is a problem of that file alone", async () => {
  const { dir } = writeProject();
  fs.symlinkSync(path.join(dir, "nowhere.py"), path.join(dir, "dangling.py"));
  const { host } = openProject({ dirs: [dir] });
  const loaded = await host.load();
  expect(loaded!.discovery.workflows.map((workflow) => workflow.workflowName)).toEqual(["says"]);
  expect(loaded!.discovery.problems).toMatchObject([{ path: path.join(dir, "dangling.py"), kind: "unreadable" }]);
});

test("a folder that does not exist yet has no workflows, and its files are found when it comes", async () => {
  const dir = path.join(temporaryFolder(), "later");
  const { host } = openProject({ dirs: [dir] });
  const before = await host.load();
  expect(before!.discovery.workflows).toEqual([]);
  fs.mkdirSync(dir);
  fs.writeFileSync(path.join(dir, "one.py"), 'WORKFLOW_NAME = "one"\n\nasync def handler(inp, ctx):\n    return 1\n');
  const after = await host.load({ unless: before!.discovery.generation.id });
  expect(after!.discovery.workflows.map((workflow) => workflow.workflowName)).toEqual(["one"]);
});

test("a workflow folder behind a symbolic link is copied like any other", async () => {
  const { dir } = writeProject();
  const link = path.join(temporaryFolder(), "link");
  fs.symlinkSync(dir, link);
  const { host } = openProject({ dirs: [link] });
  const loaded = await host.load();
  expect(await host.load({ unless: loaded!.discovery.generation.id })).toBeNull();
  fs.writeFileSync(path.join(dir, "says.py"), WORKFLOW.replace('"old"', '"new"'));
  expect(says(await loaded!.host.run(runOf("says"), new MemorySession(), NEVER))).toEqual(["old", "old", "old"]);
  expect(await host.load({ unless: loaded!.discovery.generation.id })).not.toBeNull();
});
