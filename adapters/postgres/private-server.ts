// `chiron dev --postgres`: a PostgreSQL of one's own under the project's folder. Its data stays and is as safe as any server's (fsync is
// on); the server itself lives and dies with this process. Reached over a unix socket that only its user can open. Not for Windows.
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { makeFolder } from "../node/make-folder.ts";
import { ChironError } from "../../src/core/errors.ts";
import { findBinariesFor, versionOf } from "./private-binaries.ts";
import { addressOf, initialise, Postmaster, Watchdog, type Place } from "./private-cluster.ts";
import { identityFor, type Identity } from "./private-identity.ts";
import { isServerOf, serverOn, takeFolder } from "./private-owner.ts";

const DATABASE = "chiron";
/** Shorter than the 104 bytes of a Mac, with the socket's own name. */
const LONGEST_SOCKET_FOLDER = 85;
/** How long the server of a process that was killed may take to end. */
const LEFTOVER_MS = 30_000;

export interface PrivateOptions {
  /** Where the cluster is, or shall be. */
  readonly dir: string;
  /** Remarks for a person: a cluster is being made, the server has ended by itself. */
  readonly log: (line: string) => void;
}

export interface PrivatePostgres {
  /** For pg, asyncpg, psql and everything else that takes a URL. */
  readonly url: string;
  /** For example "18.4". */
  readonly version: string;
  /** Ends the server; the data stays. */
  stop(): Promise<void>;
}

/** The running server. Throws store_owned when another process has the folder, unavailable or config_invalid when there can be none. */
export async function startPrivatePostgres({ dir, log }: PrivateOptions): Promise<PrivatePostgres> {
  if (process.platform === "win32") {
    throw new ChironError("unavailable", "a private Postgres needs unix sockets, which this system does not have", {
      hint: "Start a PostgreSQL server and set DATABASE_URL.",
    });
  }
  makeFolder(dir, 0o700);
  const folder = fs.realpathSync(dir);
  const release = takeFolder(folder);
  try {
    const running = await startIn(folder, log);
    return { ...running, stop: () => running.stop().finally(release) };
  } catch (error) {
    release();
    throw error;
  }
}

async function startIn(folder: string, log: (line: string) => void): Promise<PrivatePostgres> {
  const data = path.join(folder, "data");
  const bin = findBinariesFor(majorOf(data));
  const version = versionOf(bin);
  refuseOtherMajor(data, bin, version.major);
  await endLeftover(data);
  const identity = identityFor(bin, folder, data);
  own(folder, identity);
  const place: Place = { bin, identity, data, sockets: socketFolder(folder, identity) };
  const temporary = path.dirname(place.sockets) === folder ? "" : place.sockets;
  const watchdog = new Watchdog(temporary);
  const server = new Postmaster(place);
  const stop = async (): Promise<void> => {
    await server.end("SIGINT");
    watchdog.watch(0);
    await watchdog.release();
  };
  try {
    if (majorOf(data) === undefined) await makeCluster(place, watchdog, version.text, log);
    await startServer(server, watchdog, path.join(folder, "server.log"), log);
    await createDatabase(place.sockets);
    return { url: addressOf(place.sockets, DATABASE), version: version.text, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The major version that made the data folder; undefined: there is none that initdb has finished. */
function majorOf(data: string): number | undefined {
  try {
    return Number.parseInt(fs.readFileSync(path.join(data, "PG_VERSION"), "utf8"), 10);
  } catch {
    return undefined;
  }
}

function refuseOtherMajor(data: string, bin: string, major: number): void {
  const made = majorOf(data);
  if (made === undefined || made === major) return;
  throw new ChironError("config_invalid", `${data} was made by PostgreSQL ${made}, but ${bin} is PostgreSQL ${major}`, {
    hint: `Set PG_BIN to the programs of PostgreSQL ${made}. To change over, write it out with pg_dump, move ${data} away, start again and read it in.`,
    details: { path: data, made, found: major },
  });
}

/** The server of a process that was killed is being ended by its watchdog. Where that was killed too, we end it. */
async function endLeftover(data: string): Promise<void> {
  const giveUp = performance.now() + LEFTOVER_MS;
  let asked = false;
  for (let pid = serverOn(data); pid !== null; pid = serverOn(data)) {
    if (!asked && isServerOf(pid, data)) process.kill(pid, "SIGINT");
    else if (!asked && fs.existsSync("/proc/self/cwd")) return;
    asked = true;
    if (performance.now() > giveUp) {
      throw new ChironError("store_owned", `a PostgreSQL server, process ${pid}, still runs on ${data}`, {
        hint: `Wait for it to end, or end it: kill -INT ${pid}.`,
        details: { path: data, pid },
      });
    }
    // A process that is no child of ours gives no other sign of its end.
    await delay(20);
  }
}

function own(file: string, { uid, gid }: Identity): void {
  if (uid !== undefined) fs.chownSync(file, uid, gid ?? uid);
}

/** Inside the folder where the path is short enough, else a folder of its own among the temporary ones. */
function socketFolder(folder: string, identity: Identity): string {
  const near = path.join(folder, "socket");
  const name = `chiron-pg-${createHash("sha256").update(folder).digest("hex").slice(0, 12)}`;
  const sockets = Buffer.byteLength(near) <= LONGEST_SOCKET_FOLDER ? near : path.join(os.tmpdir(), name);
  makeFolder(sockets, 0o700);
  const { uid } = fs.lstatSync(sockets);
  if (uid !== process.getuid?.() && uid !== identity.uid) {
    throw new ChironError("store_unwritable", `${sockets} belongs to another user`, {
      hint: `Remove it, or use a shorter path for the project.`,
    });
  }
  fs.chmodSync(sockets, 0o700);
  own(sockets, identity);
  return sockets;
}

/** Under another name until it is whole and on disk, so that a half-made one is made again. */
async function makeCluster(
  place: Place,
  watchdog: Watchdog,
  version: string,
  log: (line: string) => void,
): Promise<void> {
  const unfinished = `${place.data}.new`;
  if (fs.existsSync(place.data) && fs.readdirSync(place.data).length > 0) {
    throw new ChironError("store_corrupt", `${place.data} is not a PostgreSQL data folder: it has no PG_VERSION`, {
      hint: "Look at what is in it, and move it away.",
    });
  }
  log(`making a PostgreSQL ${version} cluster in ${place.data}`);
  fs.rmSync(unfinished, { recursive: true, force: true });
  try {
    fs.mkdirSync(unfinished, { mode: 0o700 });
    own(unfinished, place.identity);
    await initialise({ ...place, data: unfinished }, { onPid: (pid) => watchdog.watch(pid) });
    fs.renameSync(unfinished, place.data);
  } finally {
    watchdog.watch(0);
    fs.rmSync(unfinished, { recursive: true, force: true });
  }
}

/** The server's own log is a file of this start only. */
async function startServer(
  server: Postmaster,
  watchdog: Watchdog,
  logFile: string,
  log: (line: string) => void,
): Promise<void> {
  fs.rmSync(logFile, { force: true });
  const starting = server.start(["max_connections=100", "unix_socket_permissions=0700"], {
    onLine: (line) => fs.appendFileSync(logFile, `${line}\n`, { mode: 0o600 }),
    onEnd: (said) => {
      watchdog.watch(0);
      log(`the private Postgres has ended by itself; see ${logFile}. Its last words: ${said.split("\n").at(-1)}`);
    },
  });
  // Before it is ready: from now on it must not be left behind.
  watchdog.watch(server.pid);
  await starting;
}

async function createDatabase(sockets: string): Promise<void> {
  const client = new pg.Client({ connectionString: addressOf(sockets, "postgres") });
  await client.connect();
  try {
    const found = await client.query("select 1 from pg_database where datname = $1", [DATABASE]);
    if (found.rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}
