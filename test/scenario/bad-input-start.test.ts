// A server that cannot start says why and what to do, ends with its exit code, and leaves the project as it was.
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { makeProject, runChiron, startChiron, type Chiron, type Project } from "../support/chiron-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const HELLO = 'WORKFLOW_NAME = "hello"\n\n\nasync def handler(inp, ctx):\n    return "hello"\n';

let project: Project;

beforeEach(() => {
  project = makeProject({ "workflows/hello.py": HELLO });
});

afterEach(() => {
  project.remove();
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const dev = (args: readonly string[] = [], env: Record<string, string> = {}): Promise<Ended> =>
  runChiron(project.dir, ["dev", "workflows", "--port", "0", ...args], env);

/** Every file of the project with its size, without what an interpreter may cache. */
function files(): string[] {
  const all = fs.readdirSync(project.dir, { recursive: true, encoding: "utf8" });
  return all.filter((file) => fs.statSync(path.join(project.dir, file)).isFile()).toSorted();
}

function expectRefusal(end: Ended, code: number, says: RegExp, hint: RegExp): void {
  expect(end.code, end.stderr).toBe(code);
  expect(end.stdout).toBe("");
  expect(end.stderr).toMatch(says);
  expect(end.stderr).toMatch(hint);
  expect(end.stderr).not.toMatch(/^\s+at /m);
}

/** A command named python3 that answers like an interpreter of that version. */
function fakePython(version: string): string {
  const file = project.write("bin/python3", `#!/bin/sh\necho "/opt/python/bin/python3"\necho "${version}"\n`);
  fs.chmodSync(file, 0o755);
  return path.dirname(file);
}

test("a file that is no database is refused and left as it was", async () => {
  const file = project.write(".chiron/chiron.db", "these are notes, not a database. ".repeat(100));
  const before = fs.readFileSync(file);
  expectRefusal(await dev(), 9, /chiron\.db is not an SQLite database/, /restore a backup/);
  expect(fs.readFileSync(file).equals(before)).toBe(true);
});

test("a damaged database is refused, or runs without a fault, but never ends in a crash", async () => {
  const server = await startChiron(project);
  await server.post("/api/workflows/runs", { workflow_name: "hello" });
  await server.kill("SIGTERM");
  const file = path.join(project.dir, ".chiron/chiron.db");
  const bytes = fs.readFileSync(file);
  bytes.fill(0xa5, 100, 4_096);
  fs.writeFileSync(file, bytes);
  expectRefusal(await dev(), 9, /chiron\.db is damaged/, /copy of the file/);
  expect(fs.readFileSync(file).equals(bytes)).toBe(true);
});

test("another program's database is refused and left as it was", async () => {
  const file = path.join(project.dir, "other.db");
  const db = new Database(file);
  db.exec("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('mine')");
  db.close();
  const before = fs.readFileSync(file);
  expectRefusal(await dev(["--db", "other.db"]), 9, /other program|another program/, /another path/);
  expect(fs.readFileSync(file).equals(before)).toBe(true);
});

test("a store of a newer Chiron is refused with both schema numbers and left as it was", async () => {
  const server = await startChiron(project);
  await server.kill("SIGTERM");
  const file = path.join(project.dir, ".chiron/chiron.db");
  const db = new Database(file);
  db.pragma("user_version = 999");
  db.close();
  const before = fs.readFileSync(file);
  expectRefusal(await dev(), 9, /schema 999.*knows up to \d+/, /newer one/);
  expect(fs.readFileSync(file).equals(before)).toBe(true);
});

test("a second server on the same store is refused with the first one's pid, and the first serves on", async () => {
  const first = await startChiron(project);
  try {
    expectRefusal(await dev(), 8, new RegExp(`in use by process ${first.pid}`), /one process owns/);
    // Another spelling of the path is the same store.
    fs.symlinkSync(path.join(project.dir, ".chiron"), path.join(project.dir, "alias"));
    expectRefusal(await dev(["--db", "alias/chiron.db"]), 8, /in use by process/, /one process owns/);
    const created = await first.post("/api/workflows/runs", { workflow_name: "hello" });
    expect((await first.finished(created.body.run_id)).status).toBe("completed");
  } finally {
    await first.kill("SIGTERM");
  }
});

test("the store of a server that was killed is free at once", async () => {
  await (await startChiron(project)).kill("SIGKILL");
  const second = await startChiron(project);
  expect(await second.kill("SIGTERM")).toBe(0);
});

const isRoot = process.getuid?.() === 0;
const canDrop = isRoot && spawnSync("setpriv", ["--version"]).status === 0;

/** Starts it as a user whom permissions bind; root's own are never refused. */
function devAsNobody(): Promise<Ended> {
  const args = [process.execPath, path.join(ROOT, "scripts/chiron.mjs"), "dev", "workflows", "--port", "0"];
  const command = isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...args] : args;
  // Root's home, and an interpreter below it, are closed to others.
  const env = { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`, HOME: "/nonexistent", NO_COLOR: "1" };
  const child = spawn(command[0]!, command.slice(1), { cwd: project.dir, env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr })));
}

function nobodyReads(file: string): boolean {
  return spawnSync("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "test", "-r", file]).status === 0;
}

const unbound = isRoot && !(canDrop && nobodyReads(path.join(ROOT, "scripts/chiron.mjs")));

test.skipIf(unbound)(
  "a folder that cannot be written is refused by name (needs a user whom permissions bind)",
  async () => {
    fs.chmodSync(project.dir, 0o555);
    const before = files();
    expectRefusal(await devAsNobody(), 9, /chiron\.db cannot be written/, /permissions/);
    expect(files()).toEqual(before);
    fs.chmodSync(project.dir, 0o755);
  },
);

test("a store below a file is refused by name", async () => {
  expectRefusal(
    await dev(["--db", "workflows/hello.py/chiron.db"]),
    9,
    /hello\.py\/chiron\.db cannot be written/,
    /folder/,
  );
});

test("no python3 at all is said with what to install, and nothing is written", async () => {
  const before = files();
  const end = await dev([], { PATH: path.join(project.dir, "empty") });
  expectRefusal(end, 10, /python3 \(from PATH\) was not found/, /Install Python 3\.10 or newer/);
  expect(files()).toEqual(before);
});

test("a python3 that is too old is named with its version, and nothing is written", async () => {
  const bin = fakePython("3.8.10");
  const before = files();
  const end = await dev([], { PATH: `${bin}:${process.env["PATH"]}` });
  expectRefusal(
    end,
    10,
    /\/opt\/python\/bin\/python3 \(from PATH\) is Python 3\.8\.10, which is too old/,
    /3\.10 or newer/,
  );
  expect(files()).toEqual(before);
});

test("an interpreter that does not work is quoted, and nothing is written", async () => {
  const file = project.write("broken", "#!/bin/sh\necho 'no encodings module' >&2\nexit 3\n");
  fs.chmodSync(file, 0o755);
  const before = files();
  expectRefusal(
    await dev(["--python", "./broken"]),
    10,
    /broken \(as configured\) does not work.*no encodings/,
    /--python/,
  );
  expect(files()).toEqual(before);
});

test.each([
  [
    "an unknown setting",
    "[engine]\nmax_atempts = 3\n",
    /unknown setting engine\.max_atempts/,
    /Did you mean max_attempts\?/,
  ],
  ["an unknown section", "[enginee]\n", /unknown setting enginee/, /Did you mean engine\?/],
  ["a wrong type", '[server]\nport = "80"\n', /server\.port/, /configuration\.md/],
  ["an unknown queue", "[engine.concurrency]\nmain = 3\n", /unknown queue main/, /centaur_workflows/],
  ["a file that is no TOML", "engine = = 3\n", /chiron\.toml cannot be read/, /Correct the file/],
  ["an unknown time zone", '[project]\ndefault_timezone = "Berlin"\n', /unknown time zone Berlin/, /Europe\/Berlin/],
])("%s in chiron.toml is refused, and nothing is written", async (_, toml, says, hint) => {
  project.write("chiron.toml", toml);
  const before = files();
  expectRefusal(await dev(), 2, says, hint);
  expect(files()).toEqual(before);
});

test.each([
  [["--port", "http"], {}, /--port must be a whole number from 0 to 65535, not http/],
  [["--port", "70000"], {}, /--port must be a whole number from 0 to 65535, not 70000/],
  [["--port", "-1"], {}, /--port/],
  [["--prot", "80"], {}, /--prot/],
  [[], { WORKFLOW_ENABLE_MODE: "allowist" }, /WORKFLOW_ENABLE_MODE is "allowist"/],
])("a wrong option or variable is refused before anything is written (%j %j)", async (args, env, says) => {
  const before = files();
  const end = await dev(args, env as Record<string, string>);
  expect(end.code, end.stderr).toBe(2);
  expect(end.stderr).toMatch(says);
  expect(files()).toEqual(before);
});

test("an address that is not this machine's is refused, and the store is free again", async () => {
  const end = await dev(["--host", "192.0.2.1"]);
  expect(end.code, end.stderr).not.toBe(0);
  expect(end.stderr).toContain("192.0.2.1");
  expect(end.stderr).not.toMatch(/^\s+at /m);
  const server = await startChiron(project);
  expect(await server.kill("SIGTERM")).toBe(0);
});

test("with --json a refusal is one document with its code", async () => {
  project.write(".chiron/chiron.db", "these are notes, not a database. ".repeat(100));
  const { code, stdout } = await dev(["--json"]);
  expect(code).toBe(9);
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, code: "store_corrupt", hint: expect.any(String) });
});

let allowed: { project: Project; server: Chiron };

// Conformance 26, 68
test("an allow-list serves its names, refuses the others with 403, and never imports their files", async () => {
  const { server } = allowed;
  const refused = await server.post("/api/workflows/runs", { workflow_name: "hello" });
  expect(refused).toMatchObject({ status: 403, body: { ok: false, code: "workflow_disabled" } });
  const run = await server.post("/api/workflows/runs", { workflow_name: "listed" });
  expect((await server.finished(run.body.run_id)).result.output).toBe("listed");
  expect(allowed.project.read("imported")).toBe("");
});

beforeAll(async () => {
  const other = makeProject({
    "workflows/hello.py": `open("${"imported"}", "w").write("yes")\n${HELLO}`,
    "workflows/listed.py": HELLO.replaceAll("hello", "listed"),
  });
  const env = { WORKFLOW_ENABLE_MODE: "allowlist", WORKFLOW_ALLOWED_NAMES: "listed, other" };
  allowed = { project: other, server: await startChiron(other, env) };
});

afterAll(async () => {
  await allowed.server.kill("SIGTERM");
  allowed.project.remove();
});
