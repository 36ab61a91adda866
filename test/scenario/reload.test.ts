// Edits: each test proves by a run's result that the new code ran, not only that a reload was announced.
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const workflow = (name: string, result: string, head = ""): string =>
  `${head}\nWORKFLOW_NAME = "${name}"\n\n\nasync def handler(inp, ctx):\n    return ${result}\n`;

let project: Project;
let server: Chiron;

beforeEach(async () => {
  project = makeProject({
    "workflows/one.py": workflow("one", '"old"'),
    "workflows/lib/text.py": 'WORD = "old"\n',
    "workflows/uses.py": workflow("uses", "WORD", "from workflows.lib.text import WORD"),
  });
  server = await startChiron(project);
});

afterEach(async () => {
  await server.kill();
  project.remove();
});

async function output(name: string): Promise<unknown> {
  const created = await server.post("/api/workflows/runs", { workflow_name: name, max_attempts: 1 });
  expect(created.status, JSON.stringify(created.body)).toBe(200);
  const run = await server.finished(created.body.run_id);
  expect(run.failure).toBeNull();
  return run.result.output;
}

/** Makes a change and waits until a reload to other code is announced: what an earlier one still has to say does not count. */
async function reloadAfter(change: () => void): Promise<Record<string, unknown>> {
  const before = (await server.get("/api/workflows")).body.generation as string;
  const reloaded = server.nextEvent((event) => event["type"] === "catalog.reloaded" && event["generation"] !== before);
  change();
  return reloaded;
}

test("an added file serves", async () => {
  const event = await reloadAfter(() => project.write("workflows/sub/two.py", workflow("two", "2")));
  expect(event["added"]).toEqual(["two"]);
  expect(await output("two")).toBe(2);
});

test("an edited file serves its new code", async () => {
  expect(await output("one")).toBe("old");
  const event = await reloadAfter(() => project.write("workflows/one.py", workflow("one", '"newer"')));
  expect(event).toMatchObject({ added: [], changed: ["one"], removed: [] });
  expect(await output("one")).toBe("newer");
});

test("an edit of equal length in the same second serves its new code", async () => {
  const file = project.write("workflows/one.py", workflow("one", '"aaa"'));
  await server.post("/api/workflows/reload", {});
  expect(await output("one")).toBe("aaa");
  // The same size and the same modification time: what stale byte code is trusted by.
  const { atime, mtime } = fs.statSync(file);
  await reloadAfter(() => {
    fs.writeFileSync(file, workflow("one", '"bbb"'));
    fs.utimesSync(file, atime, mtime);
  });
  expect(await output("one")).toBe("bbb");
});

test("an edited helper module serves through the workflow that imports it", async () => {
  expect(await output("uses")).toBe("old");
  const event = await reloadAfter(() => project.write("workflows/lib/text.py", 'WORD = "new helper"\n'));
  expect(event["helpers"]).toEqual([path.join(project.workflows, "lib/text.py")]);
  expect(await output("uses")).toBe("new helper");
});

test("a save that empties the file first never takes the workflow away", async () => {
  const file = path.join(project.workflows, "one.py");
  const reloaded = reloadAfter(() => {
    // As an editor or a copy does it, and slowly: the loader meets the empty file.
    fs.writeFileSync(file, "");
    void server.post("/api/workflows/reload", {});
    setTimeout(() => fs.writeFileSync(file, workflow("one", '"saved slowly"')), 40);
  });
  expect(await reloaded).toMatchObject({ changed: ["one"], removed: [] });
  expect(await output("one")).toBe("saved slowly");
});

test("a save that empties the file and sets its times back never takes the workflow away", async () => {
  const file = path.join(project.workflows, "one.py");
  const { atime, mtime } = fs.statSync(file);
  const old = new Date(mtime.getTime() - 60_000);
  const reloaded = reloadAfter(() => {
    fs.writeFileSync(file, "");
    fs.utimesSync(file, atime, old);
    void server.post("/api/workflows/reload", {});
    setTimeout(() => {
      fs.writeFileSync(file, workflow("one", '"copied"'));
      fs.utimesSync(file, atime, old);
    }, 40);
  });
  expect(await reloaded).toMatchObject({ changed: ["one"], removed: [] });
  expect(await output("one")).toBe("copied");
});

test("a save by atomic rename is seen", async () => {
  await reloadAfter(() => {
    const temporary = project.write("workflows/.one.py.swp", workflow("one", '"renamed over"'));
    fs.renameSync(temporary, path.join(project.workflows, "one.py"));
  });
  expect(await output("one")).toBe("renamed over");
});

test("a renamed file keeps its workflow and a deleted one loses it", async () => {
  await reloadAfter(() =>
    fs.renameSync(path.join(project.workflows, "one.py"), path.join(project.workflows, "moved.py")),
  );
  await server.post("/api/workflows/reload", {});
  expect(await output("one")).toBe("old");
  const event = await reloadAfter(() => fs.rmSync(path.join(project.workflows, "moved.py")));
  expect(event["removed"]).toEqual(["one"]);
  const refused = await server.post("/api/workflows/runs", { workflow_name: "one" });
  expect(refused.status).toBe(404);
});

test("a syntax error is shown with path and line, the last good version serves, and the fix clears it", async () => {
  const problem = server.nextEvent((event) => event["type"] === "catalog.problem");
  const file = project.write(
    "workflows/one.py",
    'WORKFLOW_NAME = "one"\n\nasync def handler(inp, ctx)\n    return 1\n',
  );
  expect(await problem).toMatchObject({ path: file, line: 3, kind: "syntax", severity: "error", serving: true });
  const catalog = (await server.get("/api/workflows")).body;
  expect(catalog.problems[0]).toMatchObject({ path: file, line: 3, kind: "syntax" });
  expect(await output("one")).toBe("old");
  const fixed = server.nextEvent((event) => event["type"] === "catalog.fixed");
  project.write("workflows/one.py", workflow("one", '"fixed"'));
  expect(await fixed).toMatchObject({ path: file });
  await server.post("/api/workflows/reload", {});
  expect(await output("one")).toBe("fixed");
  expect((await server.get("/api/workflows")).body.problems).toEqual([]);
});

test("a broken helper module is shown where it is broken, and the workflows that import it serve their last good version", async () => {
  const problem = server.nextEvent((event) => event["type"] === "catalog.problem");
  const file = project.write("workflows/lib/text.py", "WORD = = 1\n");
  expect(await problem).toMatchObject({ path: file, line: 1, severity: "error", serving: true });
  expect(await output("uses")).toBe("old");
  await reloadAfter(() => project.write("workflows/lib/text.py", 'WORD = "mended"\n'));
  expect(await output("uses")).toBe("mended");
});

test("a file that ends the interpreter while it is imported is reported, and everything else loads", async () => {
  project.write("workflows/deadly.py", workflow("deadly", "1", "import os\nos._exit(3)"));
  project.write("workflows/segfault.py", workflow("segfault", "1", "import ctypes\nctypes.string_at(0)"));
  project.write("workflows/two.py", workflow("two", "2"));
  await server.post("/api/workflows/reload", {});
  const { problems } = (await server.get("/api/workflows")).body as {
    problems: { path: string; kind: string; message: string }[];
  };
  expect(problems.map(({ path: file, kind }) => [path.basename(file), kind])).toEqual([
    ["deadly.py", "exit"],
    ["segfault.py", "exit"],
  ]);
  expect(problems[0]?.message).toMatch(/\b3\b/);
  expect(await output("two")).toBe(2);
  expect(await output("one")).toBe("old");
});

test("a failed import, a missing handler and a duplicate name are each reported and stop nobody else", async () => {
  project.write("workflows/bad_import.py", workflow("bad_import", "1", "import no_such_module_at_all"));
  project.write("workflows/no_handler.py", 'WORKFLOW_NAME = "no_handler"\n');
  project.write("workflows/another.py", workflow("one", '"impostor"'));
  await server.post("/api/workflows/reload", {});
  const { problems } = (await server.get("/api/workflows")).body as {
    problems: { path: string; kind: string; line: number; message: string }[];
  };
  const kinds = Object.fromEntries(problems.map((one) => [path.basename(one.path), one]));
  expect(kinds["bad_import.py"]).toMatchObject({ kind: "import", line: 1 });
  expect(kinds["bad_import.py"]?.message).toContain("no_such_module_at_all");
  expect(kinds["no_handler.py"]?.kind).toBe("no_handler");
  // The file that already serves the name keeps it, though the other one sorts first.
  expect(kinds["another.py"]?.kind, JSON.stringify(problems)).toBe("duplicate_name");
  expect(await output("one")).toBe("old");
});

test("twenty saves a second while a hundred runs start lose no run, and the last save serves", async () => {
  const runs = Array.from({ length: 100 }, () => server.post("/api/workflows/runs", { workflow_name: "one" }));
  for (let save = 0; save < 20; save += 1) {
    project.write("workflows/one.py", workflow("one", `"save ${save}"`));
    // The pace of the saves is what is tested here; nothing is waited for.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const created = await Promise.all(runs);
  const ended = await Promise.all(created.map((answer) => server.finished(answer.body.run_id)));
  for (const run of ended) {
    expect(run.status).toBe("completed");
    expect(run.result.output).toMatch(/^(old|save \d+)$/);
  }
  await server.post("/api/workflows/reload", {});
  expect(await output("one")).toBe("save 19");
});
