// The keys of the runtime itself reach neither workflow code, nor its interpreter's children, nor logs, answers or files.
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeProject, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const SECRETS = {
  CENTAUR_JWT_SIGNING_SECRET: "jwt-secret-0f8e2c",
  CHIRON_API_KEY: "chiron-key-91ab44",
  CENTAUR_API_KEY: "centaur-key-77de01",
};
/** Whatever begins so is the runtime's own. */
const OWN_VARIABLE = "CHIRON_TEST_MARK";
/** What workflows count on is handed down. */
const HANDED_DOWN = { SLACK_BOT_TOKEN: "xoxb-workflow-token", DATABASE_URL_FOR_FLOWS: "postgres://flows" };

const SPY = `import os
import subprocess
import sys

WORKFLOW_NAME = "spy"

AT_IMPORT = dict(os.environ)


async def handler(inp, ctx):
    print(sorted(os.environ.items()))
    code = "import os, json; print(json.dumps(dict(os.environ)))"
    child = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True)
    with open("/proc/self/environ") as file:
        own = file.read()
    with open("/proc/self/cmdline") as file:
        command = file.read()
    ctx.log("environment", environ=dict(os.environ))
    await ctx.step("environ", lambda: dict(os.environ))
    return {"environ": dict(os.environ), "at_import": AT_IMPORT, "child": child.stdout, "own": own, "command": command}
`;

let project: Project;
let server: Chiron;
const answers: string[] = [];
const said: string[] = [];

const call = async (route: string, key?: string, body?: unknown): Promise<{ status: number; text: string }> => {
  const response = await fetch(server.url + route, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...(key === undefined ? {} : { "x-api-key": key }), "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  answers.push(text, JSON.stringify([...response.headers]));
  return { status: response.status, text };
};

beforeAll(async () => {
  project = makeProject({ "workflows/spy.py": SPY });
  server = await startChiron(project, { ...SECRETS, ...HANDED_DOWN, [OWN_VARIABLE]: "own" });
  server.child.stderr!.on("data", (chunk: Buffer) => said.push(chunk.toString()));
});

afterAll(async () => {
  await server.kill("SIGTERM");
  project.remove();
});

const found = (text: string): string[] => Object.values(SECRETS).filter((secret) => text.includes(secret));

async function finished(id: string): Promise<{ status: string; result: { output: Record<string, unknown> } }> {
  for (;;) {
    const { run } = JSON.parse((await call(`/api/workflows/runs/${id}`, SECRETS.CHIRON_API_KEY)).text);
    if (run.status === "completed" || run.status === "failed") return run;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

let taskId = "";

test("a handler finds the keys neither in its environment nor in its process's nor in its children's", async () => {
  const created = await call("/api/workflows/runs", SECRETS.CENTAUR_API_KEY, { workflow_name: "spy", max_attempts: 1 });
  expect(created.status).toBe(200);
  taskId = JSON.parse(created.text).task_id;
  const run = await finished(taskId);
  expect(run.status).toBe("completed");
  expect(found(JSON.stringify(run.result.output))).toEqual([]);
  const environ = run.result.output["environ"] as Record<string, string>;
  for (const name of [...Object.keys(SECRETS), OWN_VARIABLE]) expect(environ).not.toHaveProperty(name);
  expect(environ).toMatchObject(HANDED_DOWN);
});

test("no answer of the API shows a key, not even to a caller who sent it", async () => {
  const routes = ["", "/checkpoints", "/logs", "/attempts", "/children"].map(
    (part) => `/api/workflows/runs/${taskId}${part}`,
  );
  for (const route of [
    ...routes,
    "/api/workflows",
    "/api/workflows/runs",
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/openapi.json",
  ]) {
    for (const key of [SECRETS.CHIRON_API_KEY, SECRETS.CENTAUR_API_KEY])
      expect((await call(route, key)).status, route).toBe(200);
  }
  expect((await call("/api/workflows", `${SECRETS.CHIRON_API_KEY}x`)).status).toBe(401);
  expect((await call("/api/workflows")).status).toBe(401);
  expect((await call("/api/workflows/runs", SECRETS.CHIRON_API_KEY, { workflow_name: 7 })).status).toBe(400);
  expect(answers.flatMap(found)).toEqual([]);
});

test("neither the server's lines nor any file it has written holds a key", async () => {
  // Killed, it leaves its write-ahead log behind, which is looked through too.
  await server.kill("SIGKILL");
  expect(found(said.join("") + JSON.stringify(server.events) + JSON.stringify(server.ready))).toEqual([]);
  const files = fs.readdirSync(project.dir, { recursive: true, encoding: "utf8" });
  expect(files).toContain(path.join(".chiron", "chiron.db-wal"));
  for (const file of files) {
    const full = path.join(project.dir, file);
    if (fs.statSync(full).isFile()) expect(found(fs.readFileSync(full, "latin1")), file).toEqual([]);
  }
});

test("what the server writes is readable by its user only", () => {
  const folder = path.join(project.dir, ".chiron");
  for (const file of ["chiron.db", "chiron.db.lock"]) {
    expect(fs.statSync(path.join(folder, file)).mode & 0o077, file).toBe(0);
  }
});
