// A PostgreSQL cluster whose server is a child of this process: made by initdb, reached over a unix socket only, and ended with this
// process however that ends. Who may use the folder, and which settings it runs with, is the caller's business.
import { spawn, type ChildProcess } from "node:child_process";
import path from "node:path";
import { ChironError } from "../../src/core/errors.ts";
import type { Identity } from "./private-identity.ts";

export const PORT = 5432;
export const USER = "postgres";

export interface Place {
  readonly bin: string;
  readonly identity: Identity;
  readonly data: string;
  /** Folder of the socket. The path of a unix socket has 107 bytes at most. */
  readonly sockets: string;
}

/** Makes an empty cluster in `data`, which must not exist or be empty. Everybody who reaches the socket may come in. */
export async function initialise(
  place: Place,
  options: { readonly flags?: readonly string[]; readonly onPid?: (pid: number) => void } = {},
): Promise<void> {
  const flags = options.flags ?? [];
  const args = ["-D", place.data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", ...flags];
  const child = run(place, "initdb", args);
  options.onPid?.(child.pid ?? 0);
  const output = collect(child);
  const code = await new Promise((resolve, reject) => child.on("error", reject).on("exit", resolve));
  if (code === 0) return;
  throw new ChironError("unavailable", `initdb ended with ${String(code)}: ${output().trim()}`);
}

/** The server process. After an end it can be started again. */
export class Postmaster {
  readonly #place: Place;
  #child: ChildProcess | null = null;

  constructor(place: Place) {
    this.#place = place;
  }

  /** 0 while there is none. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Done when the server takes connections. `onLine` gets its log, `onEnd` its unexpected end. */
  async start(
    settings: readonly string[],
    watch: { onLine?: (line: string) => void; onEnd?: (said: string) => void } = {},
  ): Promise<void> {
    const { data, sockets } = this.#place;
    const all = ["listen_addresses=", "logging_collector=off", "log_destination=stderr", ...settings];
    const args = ["-D", data, "-k", sockets, "-p", String(PORT), ...all.flatMap((text) => ["-c", text])];
    const child = run(this.#place, "postgres", args);
    const output = collect(child, watch.onLine);
    this.#child = child;
    let ready = false;
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => {
        reject(new ChironError("unavailable", `postgres ended with ${String(code)}: ${output().trim()}`));
        if (ready && this.#child === child) watch.onEnd?.(output().trim());
      });
      child.stderr?.on("data", () => {
        if (output().includes("ready to accept connections")) resolve();
      });
    });
    ready = true;
  }

  /** SIGINT ends every session and writes a checkpoint, SIGQUIT is a crash. Harmless when there is no server. */
  async end(signal: "SIGINT" | "SIGQUIT", patienceMs = 30_000): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const impatience = setTimeout(() => child.kill("SIGQUIT"), patienceMs);
    await gone;
    clearTimeout(impatience);
  }
}

// Reads pids of servers, the newest counts (0: none), until its input ends, which comes with the end of this process however it ends.
// Then ends the server as end() would, and deletes a folder where one is named.
const WATCHDOG = `
  pid=0
  while read -r line; do pid=$line; done
  tries=0
  [ "$pid" -gt 0 ] && kill -INT "$pid" 2> /dev/null
  while [ "$pid" -gt 0 ] && [ "$tries" -lt 300 ] && kill -0 "$pid" 2> /dev/null; do
    tries=$((tries + 1))
    [ "$tries" -eq 200 ] && kill -QUIT "$pid" 2> /dev/null
    sleep 0.05
  done
  [ -z "$1" ] || rm -rf "$1"`;

/** Outlives this process for as long as it takes to clear up behind it. */
export class Watchdog {
  readonly #child: ChildProcess;

  constructor(folderToDelete = "") {
    this.#child = spawn("sh", ["-c", WATCHDOG, "watchdog", folderToDelete], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
    });
    this.#child.stdin?.on("error", () => undefined);
  }

  watch(pid: number): void {
    this.#child.stdin?.write(`${pid}\n`);
  }

  /** Lets it clear up now; done when it has. */
  async release(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end();
    await gone;
  }
}

/** What PostgreSQL needs of our environment; keys and tokens are none of its business. */
const ENVIRONMENT = ["PATH", "HOME", "TZ", "TMPDIR", "LD_LIBRARY_PATH"];

function run(place: Place, program: string, args: readonly string[]): ChildProcess {
  const { wrap, ...ids } = place.identity;
  const [command, ...rest] = [...wrap, path.join(place.bin, program), ...args] as [string, ...string[]];
  const env = Object.fromEntries(ENVIRONMENT.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
  // Detached: a Ctrl-C in the terminal is for us alone, and the server goes on while running work is given back.
  return spawn(command, rest, { ...ids, env, cwd: place.sockets, stdio: ["ignore", "pipe", "pipe"], detached: true });
}

/** Keeps the end of what a process writes to stderr; the pipe must be read in any case or the process would block. */
function collect(child: ChildProcess, onLine?: (line: string) => void): () => string {
  let text = "";
  let rest = "";
  child.stdout?.resume();
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-8_192);
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    if (onLine) for (const line of lines) onLine(line);
  });
  return () => text;
}

/** The address of a database of a cluster. The socket's folder stands where a host would: every client library understands that. */
export function addressOf(sockets: string, database: string): string {
  return `postgresql://${USER}@${encodeURIComponent(sockets)}:${PORT}/${database}`;
}
