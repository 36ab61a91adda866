// A throw-away PostgreSQL cluster on a unix socket: own folder, no TCP, no sleeps. It and its folder are gone after stop(), and also
// when the test process is killed. Works as root (PostgreSQL refuses uid 0) and as anybody else. Not for Windows.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import pg from "pg";
import { findBinaries, type BinaryChoice } from "../../adapters/postgres/private-binaries.ts";
import { addressOf, initialise, PORT, Postmaster, USER, Watchdog } from "../../adapters/postgres/private-cluster.ts";
import { identityFor } from "../../adapters/postgres/private-identity.ts";

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

class Cluster implements TestServer {
  readonly host: string;
  readonly port = PORT;
  readonly user = USER;
  readonly #options: ServerOptions;
  readonly #watchdog: Watchdog;
  readonly #initialise: () => Promise<void>;
  readonly #postmaster: Postmaster;
  #databases = 0;

  constructor(bin: string, options: ServerOptions) {
    this.#options = options;
    // Short on purpose: the path of a unix socket has 107 bytes at most.
    this.host = fs.mkdtempSync(path.join(os.tmpdir(), "pgt-"));
    this.#watchdog = new Watchdog(this.host);
    const data = path.join(this.host, "data");
    const identity = identityFor(bin, this.host, data);
    if (identity.uid !== undefined) fs.chownSync(this.host, identity.uid, identity.gid ?? 0);
    const place = { bin, identity, data, sockets: this.host };
    this.#initialise = () => initialise(place, { flags: ["--no-sync"], onPid: (pid) => this.#watchdog.watch(pid) });
    this.#postmaster = new Postmaster(place);
  }

  get connectionString(): string {
    return addressOf(this.host, "postgres");
  }

  get pid(): number {
    return this.#postmaster.pid;
  }

  async initialise(): Promise<void> {
    await this.#initialise();
    this.#watchdog.watch(0);
  }

  async start(): Promise<void> {
    const settings = ["max_connections=100", ...(this.#options.settings ?? [])];
    if (this.#options.durable) settings.push("shared_buffers=256MB", "max_wal_size=2GB");
    else settings.push("shared_buffers=32MB", "fsync=off", "synchronous_commit=off", "full_page_writes=off");
    const starting = this.#postmaster.start(settings);
    this.#watchdog.watch(this.pid);
    await starting;
  }

  async createDatabase(): Promise<TestDatabase> {
    const name = `t${(this.#databases += 1)}`;
    await this.#administer(`create database ${name}`);
    const drop = () => this.#administer(`drop database if exists ${name} with (force)`);
    return { name, connectionString: addressOf(this.host, name), drop };
  }

  async restart(mode: "fast" | "immediate"): Promise<void> {
    await this.#postmaster.end(mode === "fast" ? "SIGINT" : "SIGQUIT");
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#postmaster.end("SIGINT");
    this.#watchdog.watch(0);
    await this.#watchdog.release();
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
