// A throw-away PostgreSQL cluster on a unix socket: own folder, no TCP, no sleeps. It and its folder are gone after stop(), and also
// when the test process is killed. Works as root (PostgreSQL refuses uid 0) and as anybody else. Not for Windows.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import pg from "pg";
import { findBinaries, type BinaryChoice } from "./postgres-binaries.ts";

const PORT = 5432;
const USER = "postgres";

export interface ServerOptions extends BinaryChoice {
  /** Keeps fsync and synchronous commits on: for measurements, and for tests that cut the power. */
  readonly durable?: boolean;
  /** Further `name=value` settings. */
  readonly settings?: readonly string[];
}

export interface TestDatabase {
  readonly name: string;
  readonly connectionString: string;
  drop(): Promise<void>;
}

export interface TestServer {
  readonly connectionString: string;
  /** Folder of the socket; give it to a client as `host`. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The postmaster's process id; another one after a restart. */
  readonly pid: number;
  /** A new, empty database: channels and advisory locks are per database, so a test file wants its own. */
  createDatabase(): Promise<TestDatabase>;
  /** `fast` ends every session and writes a checkpoint; `immediate` is a crash, recovered at the next start. */
  restart(mode: "fast" | "immediate"): Promise<void>;
  stop(): Promise<void>;
}

/** Makes a cluster and starts it; about one second, most of it initdb. */
export async function bootPostgres(options: ServerOptions = {}): Promise<TestServer> {
  const cluster = new Cluster(findBinaries(options), options);
  try {
    await cluster.initialise();
    await cluster.start();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

// Waits for the end of its input, which comes with the end of the test process however it ends, then does what stop() would do.
const WATCHDOG = `
  cat > /dev/null
  pid=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null)
  if [ -n "$pid" ]; then
    kill -INT "$pid" 2> /dev/null
    tries=0
    while kill -0 "$pid" 2> /dev/null; do
      tries=$((tries + 1))
      [ "$tries" -eq 100 ] && kill -QUIT "$pid" 2> /dev/null
      sleep 0.05
    done
  fi
  rm -rf "$1"`;

class Cluster implements TestServer {
  readonly host: string;
  readonly port = PORT;
  readonly user = USER;
  readonly #bin: string;
  readonly #options: ServerOptions;
  readonly #identity: Identity;
  readonly #watchdog: ChildProcess;
  #postmaster: ChildProcess | null = null;
  #databases = 0;

  constructor(bin: string, options: ServerOptions) {
    this.#bin = bin;
    this.#options = options;
    // Short on purpose: the path of a unix socket has 107 bytes at most.
    this.host = fs.mkdtempSync(path.join(os.tmpdir(), "pgt-"));
    this.#watchdog = spawn("sh", ["-c", WATCHDOG, "watchdog", this.host], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    });
    this.#identity = unprivileged(bin);
    if (this.#identity.uid !== undefined) fs.chownSync(this.host, this.#identity.uid, this.#identity.gid ?? 0);
  }

  get connectionString(): string {
    return this.#address("postgres");
  }

  get pid(): number {
    return this.#postmaster?.pid ?? 0;
  }

  async initialise(): Promise<void> {
    const args = ["-D", this.#data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    const child = this.#run("initdb", args);
    const output = collect(child);
    const code = await new Promise((resolve, reject) => child.on("error", reject).on("exit", resolve));
    if (code !== 0) throw new Error(`initdb ended with ${String(code)}: ${output()}`);
  }

  async start(): Promise<void> {
    const settings = ["listen_addresses=", "max_connections=100", ...(this.#options.settings ?? [])];
    if (this.#options.durable) settings.push("shared_buffers=256MB", "max_wal_size=2GB");
    else settings.push("shared_buffers=32MB", "fsync=off", "synchronous_commit=off", "full_page_writes=off");
    const args = ["-D", this.#data, "-k", this.host, "-p", String(PORT), ...settings.flatMap((text) => ["-c", text])];
    const child = this.#run("postgres", args);
    const output = collect(child);
    this.#postmaster = child;
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`postgres ended with ${String(code)}: ${output()}`)));
      child.stderr?.on("data", () => {
        if (output().includes("ready to accept connections")) resolve();
      });
    });
  }

  async createDatabase(): Promise<TestDatabase> {
    const name = `t${(this.#databases += 1)}`;
    await this.#administer(`create database ${name}`);
    const drop = () => this.#administer(`drop database if exists ${name} with (force)`);
    return { name, connectionString: this.#address(name), drop };
  }

  async restart(mode: "fast" | "immediate"): Promise<void> {
    await this.#end(mode === "fast" ? "SIGINT" : "SIGQUIT");
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#end("SIGINT");
    if (this.#watchdog.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#watchdog.once("exit", resolve));
    this.#watchdog.stdin?.end();
    await gone;
  }

  get #data(): string {
    return path.join(this.host, "data");
  }

  #address(database: string): string {
    return `postgresql://${USER}@localhost:${PORT}/${database}?host=${encodeURIComponent(this.host)}`;
  }

  #run(program: string, args: readonly string[]): ChildProcess {
    const { wrap, ...ids } = this.#identity;
    const [command, ...rest] = [...wrap, path.join(this.#bin, program), ...args] as [string, ...string[]];
    return spawn(command, rest, { ...ids, cwd: this.host, stdio: ["ignore", "pipe", "pipe"] });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#postmaster;
    this.#postmaster = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }

  async #administer(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.connectionString });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  }
}

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
  /** A command to put in front, where a change of user is not possible. */
  readonly wrap: readonly string[];
}

/** As root: another user, or, where that user cannot reach the binaries, a user namespace in which we are not root. */
function unprivileged(bin: string): Identity {
  if (process.getuid?.() !== 0) return { wrap: [] };
  for (const name of ["postgres", "nobody"]) {
    try {
      const ask = (what: string) => Number(execFileSync("id", [what, name], { stdio: ["ignore", "pipe", "ignore"] }));
      const ids = { uid: ask("-u"), gid: ask("-g") };
      execFileSync(path.join(bin, "postgres"), ["--version"], { ...ids, stdio: "ignore" });
      return { ...ids, wrap: [] };
    } catch {
      // No such user, or it may not enter the folder: try the next way.
    }
  }
  return { wrap: ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"] };
}

/** Keeps the end of what a process writes to stderr; the pipe must be read in any case or the process would block. */
function collect(child: ChildProcess): () => string {
  let text = "";
  child.stdout?.resume();
  child.stderr?.on("data", (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-8_192);
  });
  return () => text;
}
