// What a handler is given, what becomes of what it returns and prints, and which files serve: on the whole system, over HTTP.
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";
import { create, ended, logLines } from "../fault/observe.ts";

const TYPED = (name: string, future: string): string => `"""Takes an Input with a dataclass in it."""
${future}
from dataclasses import dataclass, field
from typing import Optional

WORKFLOW_NAME = "${name}"


@dataclass
class Place:
    city: str
    zip: str = "unknown"


@dataclass
class Input:
    place: Place
    count: int = 3
    other: Optional[Place] = None
    places: list[Place] = field(default_factory=list)


async def handler(inp, ctx):
    kinds = {name: type(getattr(inp, name)).__name__ for name in ("place", "count", "other", "places")} if isinstance(inp, Input) else None
    return {"type": type(inp).__name__, "kinds": kinds, "value": inp if kinds is None else [inp.place.city, inp.place.zip, inp.count]}
`;

const WORKFLOWS = {
  "workflows/typed.py": TYPED("typed", ""),
  "workflows/typed_later.py": TYPED("typed_later", "from __future__ import annotations"),
  "workflows/optional.py": `from dataclasses import dataclass

WORKFLOW_NAME = "optional"


@dataclass
class Input:
    name: str = "nobody"


def handler(inp, ctx):
    return [type(inp).__name__, getattr(inp, "name", inp)]
`,
  "workflows/raw.py": 'WORKFLOW_NAME = "raw"\n\n\nasync def handler(inp, ctx):\n    return [type(inp).__name__, inp]\n',
  "workflows/gives.py": `from dataclasses import dataclass, field
from datetime import datetime, timezone

WORKFLOW_NAME = "gives"


@dataclass
class Inner:
    at: datetime = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


@dataclass
class Result:
    name: str = "given"
    inner: Inner = field(default_factory=Inner)


async def handler(inp, ctx):
    await ctx.step("one", lambda: 1)
    return Result()
`,
  "workflows/prints.py": `import ctypes
import os
import subprocess
import sys

WORKFLOW_NAME = "prints"

print("module level text")


async def handler(inp, ctx):
    print("printed", inp["word"])
    print("to stderr", file=sys.stderr)
    os.write(1, b"to descriptor one\\n")
    subprocess.run(["sh", "-c", "echo from a subprocess; echo and its stderr >&2"], check=True)
    libc = ctypes.CDLL(None)
    libc.puts(b"from the C library")
    libc.fflush(None)
    print('{"type":"workflow.result","result":"forged"}')
    ctx.log("logged", word=inp["word"])
    return inp["word"]
`,
  "workflows/leaves.py": 'import sys\n\nWORKFLOW_NAME = "leaves"\n\nsys.exit(3)\n',
  "workflows/typo.py": 'WORKFLOW_NAME = "typo"\n\ndef handler(inp, ctx:\n    pass\n',
  "workflows/_private.py": 'WORKFLOW_NAME = "private"\n\nopen("imported", "w").close()\n',
  "workflows/.venv/lib/packaged.py": 'WORKFLOW_NAME = "packaged"\n\nopen("imported", "w").close()\n',
  "workflows/plain.py": 'NAME = "plain"\n\nopen("imported", "w").close()\n',
  "workflows/slack/shared.py": 'WHERE = "slack.shared"\n',
  "workflows/slack/sync.py":
    'from workflows.slack.shared import WHERE\n\nWORKFLOW_NAME = "sync"\n\n\nasync def handler(inp, ctx):\n    return WHERE\n',
  "workflows/helper.py": 'WHERE = "the first root"\n',
  "overlay/workflows/helper.py": 'WHERE = "the later root"\n',
  "workflows/asks_helper.py":
    'import helper\n\nWORKFLOW_NAME = "asks_helper"\n\n\ndef handler(inp, ctx):\n    return helper.WHERE\n',
};

let project: Project;
let server: Chiron;

beforeAll(async () => {
  project = makeProject(WORKFLOWS);
  server = await startChiron(project, {}, [path.join(project.dir, "overlay/workflows")]);
});

afterAll(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

async function output(name: string, input: unknown): Promise<unknown> {
  const run = await ended(server, name, input, { max_attempts: 1 });
  expect(run.failure).toBeNull();
  return run.result.output;
}

// Conformance 33, 34, 35, 37
test.each(["typed", "typed_later"])(
  "%s: nested fields are filled, unknown keys dropped, containers left as they are",
  async (name) => {
    const place = { city: "Köln", zip: "50667", planet: "Earth" };
    const input = { place, other: place, places: [place], unknown: 1 };
    expect(await output(name, input)).toEqual({
      type: "Input",
      kinds: { place: "Place", count: "int", other: "dict", places: "list" },
      value: ["Köln", "50667", 3],
    });
  },
);

// Conformance 36
test("an input without a required field reaches the handler as it is, with a warning that names the field", async () => {
  const run = await ended(server, "typed", { count: 7 }, { max_attempts: 1 });
  expect(run.result.output).toEqual({ type: "dict", kinds: null, value: { count: 7 } });
  expect(await logLines(server, run.task_id, "chiron")).toEqual([expect.stringContaining("the required field place")]);
  const strict = await server.post("/api/workflows/runs", { workflow_name: "typed", input: {}, strict_input: true });
  expect(strict).toMatchObject({ status: 400, body: { ok: false, error: expect.stringContaining("place") } });
});

// Conformance 27, 115
test.each([
  [null, ["Input", "nobody"]],
  [{}, ["Input", "nobody"]],
  [{ name: "Ada" }, ["Input", "Ada"]],
  [
    [1, 2],
    ["list", [1, 2]],
  ],
  ["text", ["str", "text"]],
  [7, ["int", 7]],
])("the input %j reaches a handler with an Input as %j", async (input, expected) => {
  expect(await output("optional", input)).toEqual(expected);
});

// Conformance 34
test("a module without an Input gets the raw value", async () => {
  expect(await output("raw", { a: [1.5, null] })).toEqual(["dict", { a: [1.5, null] }]);
});

// Conformance 38, 39
test("a dataclass result is an object at result.output, beside the run's own ids", async () => {
  const run = await ended(server, "gives");
  expect(run.result).toEqual({
    workflow_name: "gives",
    run_id: run.run_id,
    task_id: run.task_id,
    steps: expect.any(Array),
    output: { name: "given", inner: { at: "2030-01-02 03:04:05+00:00" } },
  });
});

// Conformance 14, 15
test("whatever a run writes is in its own log, and never its result", async () => {
  const runs = await Promise.all(["one", "two"].map((word) => ended(server, "prints", { word }, { max_attempts: 1 })));
  expect(runs.map((run) => run.result.output)).toEqual(["one", "two"]);
  for (const run of runs) {
    const lines = await logLines(server, run.task_id);
    expect(lines).toContain(`printed ${run.result.output}`);
    expect(lines).toContain('{"type":"workflow.result","result":"forged"}');
    expect(lines.filter((line) => line === "logged")).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("printed"))).toHaveLength(1);
  }
  const alone = await ended(server, "prints", { word: "alone" }, { max_attempts: 1 });
  const out = await logLines(server, alone.task_id, "stdout");
  for (const line of ["to descriptor one", "from a subprocess", "from the C library"]) expect(out).toContain(line);
  const errors = await logLines(server, alone.task_id, "stderr");
  expect(errors).toEqual(expect.arrayContaining(["to stderr", "and its stderr"]));
});

// Conformance 19, 20, 113, 114
test("helpers are found from sub-folders and from the later root, and what is no workflow is not imported", async () => {
  expect(await output("sync", {})).toBe("slack.shared");
  expect(await output("asks_helper", {})).toBe("the later root");
  expect(project.read("imported")).toBe("");
  const { workflows } = (await server.get("/api/workflows")).body;
  const names = workflows.map((workflow: { workflow_name: string }) => workflow.workflow_name);
  expect(names).not.toContain("private");
  expect(names).not.toContain("packaged");
});

// Conformance 22, 23, 24, 70, 111
test("a file that exits and one that does not parse are reported, each by path, and stop no other", async () => {
  const { problems } = (await server.get("/api/workflows")).body;
  const byFile = Object.fromEntries(
    problems.map((problem: { path: string }) => [path.basename(problem.path), problem]),
  ) as Record<string, { kind: string; line: number; message: string }>;
  expect(Object.keys(byFile).toSorted()).toEqual(["leaves.py", "typo.py"]);
  expect(byFile["typo.py"]).toMatchObject({ kind: "syntax", line: 3 });
  expect(byFile["leaves.py"]).toMatchObject({ kind: "exit", line: 5 });
});

// Conformance 59, 61, 63
test("runs are listed newest first, one row a task, with limits brought into their range", async () => {
  const first = await create(server, "raw", 1, { eager_start: true, trigger_key: "ignored", idempotency_key: "k-1" });
  const second = await create(server, "raw", 2);
  const again = await create(server, "raw", 3, { idempotency_key: "k-1" });
  expect(again).toMatchObject({ created: false, task_id: first.task_id });
  const list = async (query: string): Promise<{ task_id: string; workflow_name: string }[]> =>
    (await server.get(`/api/workflows/runs?${query}`)).body.runs;
  const raw = await list("workflow_name=raw");
  expect(raw.slice(0, 2).map((run) => run.task_id)).toEqual([second.task_id, first.task_id]);
  expect(new Set(raw.map((run) => run.workflow_name))).toEqual(new Set(["raw"]));
  expect(await list("limit=0")).toHaveLength(1);
  expect((await server.get("/api/workflows/runs?limit=5000")).status).toBe(200);
  expect(await list("workflow_name=ra")).toEqual([]);
});
