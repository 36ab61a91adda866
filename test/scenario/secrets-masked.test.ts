// Secrets of the environment and of .env reach workflow code, and nothing that the runtime shows or keeps about it. What a workflow stores
// itself is its own.
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ended } from "../fault/observe.ts";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const API_TOKEN = 'tok/en+"quoted" 4711';
const FILE_SECRET = "from-the-file-0815";
const PASSWORD = "pa55word!";

const LEAK = `import base64
import json
import os
import sys
import urllib.parse

WORKFLOW_NAME = "leak"
TOKEN = os.environ["API_TOKEN"]
ALL = [TOKEN, os.environ["FILE_SECRET"], os.environ["ACME_PIN"], "pa55word!"]


async def handler(inp, ctx):
    for value in ALL:
        print("plain", value)
        print("url", urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value), file=sys.stderr)
        print("base64", base64.b64encode(value.encode()).decode(), base64.b64encode(("user:" + value).encode()).decode())
        print("json", json.dumps({"value": value}))
        ctx.log("logged " + value, value=value, nested={"value": [value]})
        ctx.metric("leaked", 1, shown=value)
    try:
        await ctx.tools.spill.fail(value=TOKEN)
    except RuntimeError:
        pass
    await ctx.post_to_slack("#general", "the token is " + TOKEN)
    if inp.get("keep"):
        return {"kept": await ctx.step("kept", lambda: TOKEN)}
    raise ValueError("refused: " + ", ".join(ALL))
`;

let project: Project;
let server: Chiron;
const said: string[] = [];

beforeAll(async () => {
  project = makeProject({
    "workflows/leak.py": LEAK,
    "workflows/broken.py": 'import os\nWORKFLOW_NAME = "broken"\nraise ValueError(os.environ["API_TOKEN"])\n',
    "tools/spill.py": 'def fail(value):\n    raise ValueError("no luck with " + value)\n',
    ".env": `FILE_SECRET=from-the-first-file\nAPI_TOKEN=never-used\nDB=postgres://app:${PASSWORD}@db/main\n`,
    ".env.local": `FILE_SECRET=${FILE_SECRET}\nACME_PIN=987654321\n`,
    "chiron.toml": '[secrets]\nnames = ["ACME_*"]\n',
  });
  server = await startChiron(project, { API_TOKEN });
  server.child.stderr!.on("data", (chunk: Buffer) => said.push(chunk.toString()));
});
afterAll(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

/** Every form of every secret that stands in a text. */
function found(text: string): string[] {
  const values = [API_TOKEN, FILE_SECRET, "987654321", PASSWORD];
  const forms = values.flatMap((value) => [
    value,
    JSON.stringify(value).slice(1, -1),
    JSON.stringify(JSON.stringify(value)).slice(3, -3),
    encodeURIComponent(value),
    Buffer.from(value).toString("base64"),
    Buffer.from(`user:${value}`).toString("base64").slice(8, -4),
  ]);
  return forms.filter((form) => text.includes(form));
}

test("lines, failures, the outbox, metrics and problems show the names of secrets and never their values", async () => {
  const run = await ended(server, "leak", {}, { max_attempts: 1 });
  expect(run.status).toBe("failed");
  expect(run.failure.message).toBe("refused: [secret API_TOKEN], [secret FILE_SECRET], [secret ACME_PIN], [secret DB]");
  const routes = ["", "/logs?limit=1000", "/attempts"].map((part) => `/api/workflows/runs/${run.task_id}${part}`);
  const texts: string[] = [];
  for (const route of [...routes, "/api/workflows", "/api/outbox", "/metrics", "/api/workflows/tools"]) {
    texts.push(await (await fetch(server.url + route)).text());
  }
  expect(texts[1]).toContain("logged [secret API_TOKEN]");
  expect(texts[3]).toContain("ValueError: [secret API_TOKEN]");
  expect(texts[4]).toContain("no luck with [secret API_TOKEN]");
  expect(texts.flatMap(found)).toEqual([]);
  expect(found(JSON.stringify(server.events) + said.join(""))).toEqual([]);
});

test("a tool that a person calls does not spill one either", async () => {
  const failed = await server.post("/api/workflows/tools/spill/fail", { args: { value: API_TOKEN } });
  expect(failed.status).toBe(502);
  expect(failed.body.error).toContain("no luck with [secret API_TOKEN]");
});

test("what a workflow stores itself it gets back as it was", async () => {
  const run = await ended(server, "leak", { keep: true });
  expect(run.result.output).toEqual({ kept: API_TOKEN });
});

test("the files of the store hold a secret only where the workflow put it", async () => {
  await server.kill("SIGKILL");
  const folder = path.join(project.dir, ".chiron");
  const store = fs.readdirSync(folder).filter((name) => name.startsWith("chiron.db"));
  expect(store).toContain("chiron.db-wal");
  const bytes = store.map((name) => fs.readFileSync(path.join(folder, name), "latin1")).join("");
  for (const value of [FILE_SECRET, "987654321", PASSWORD]) expect(bytes).not.toContain(value);
});

test("serve reads no .env", async () => {
  const bare = makeProject({
    "workflows/w.py":
      'import os\nWORKFLOW_NAME = "w"\nasync def handler(inp, ctx):\n    return os.environ.get("FROM_FILE")\n',
    ".env": "FROM_FILE=yes\n",
  });
  const served = await startChiron(bare, { CHIRON_API_KEY: "" }, ["--store", "sqlite"], "serve");
  try {
    expect((await ended(served, "w")).result.output).toBeNull();
  } finally {
    await served.kill("SIGTERM");
    bare.remove();
  }
});
