// A real `chiron dev` in a folder of its own, driven over real HTTP, killed without mercy when a test asks for it.
import { spawn, type ChildProcess } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const LAUNCHER = fileURLToPath(new URL("../../scripts/chiron.mjs", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A folder that is removed by `remove`. */
export interface Project {
  readonly dir: string;
  readonly workflows: string;
  write(name: string, text: string): string;
  read(name: string): string;
  remove(): void;
}

export function makeProject(files: Readonly<Record<string, string>> = {}): Project {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "chiron-project-")));
  const workflows = path.join(dir, "workflows");
  fs.mkdirSync(workflows);
  const write = (name: string, text: string): string => {
    const file = path.join(dir, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  return {
    dir,
    workflows,
    write,
    read: (name) => (fs.existsSync(path.join(dir, name)) ? fs.readFileSync(path.join(dir, name), "utf8") : ""),
    remove: () => fs.rmSync(dir, { recursive: true, force: true }),
  };
}

export interface Answer {
  readonly status: number;
  // Tests look into answers of every shape.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface Chiron {
  readonly url: string;
  readonly pid: number;
  readonly child: ChildProcess;
  /** What `dev --json` said when it was ready. */
  readonly ready: Record<string, unknown>;
  /** Every event line so far, and a wait for the next that fits. */
  readonly events: readonly Record<string, unknown>[];
  nextEvent(fits: (event: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown): Promise<Answer>;
  /** Polls the API until the run is terminal. */
  finished(id: string): Promise<Answer["body"]>;
  /** Resolves with the signal or exit code. */
  readonly exited: Promise<number | NodeJS.Signals>;
  kill(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** The environment of a new user: nothing of the test runner's, no byte-code switch. */
function cleanEnvironment(extra: Readonly<Record<string, string>>): Record<string, string> {
  const keep = ["PATH", "HOME", "LANG", "TMPDIR", "USER"];
  const env = Object.fromEntries(keep.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
  return { ...env, NO_COLOR: "1", ...extra };
}

/** Starts it and waits until it is ready. Rejects with its stderr when it ends before. */
export async function startChiron(
  project: Project,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
  command: "dev" | "serve" = "dev",
): Promise<Chiron> {
  const child = spawn(process.execPath, [LAUNCHER, command, "workflows", "--port", "0", "--json", ...args], {
    cwd: project.dir,
    env: cleanEnvironment(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | NodeJS.Signals>((resolve) =>
    child.on("exit", (code, signal) => resolve(signal ?? code ?? -1)),
  );
  const stderr: string[] = [];
  const events: Record<string, unknown>[] = [];
  const listeners = new Set<(event: Record<string, unknown>) => void>();
  onLines(child.stderr!, (line) => {
    stderr.push(line);
    if (!line.startsWith("{")) return;
    const event = JSON.parse(line) as Record<string, unknown>;
    events.push(event);
    for (const listener of listeners) listener(event);
  });
  const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
    onLines(child.stdout!, (line) => resolve(JSON.parse(line) as Record<string, unknown>));
    void exited.then((code) => reject(new Error(`chiron ended with ${code}:\n${stderr.join("\n")}`)));
  });
  const url = String(ready["url"]);
  const call = async (path_: string, init?: RequestInit): Promise<Answer> => {
    const response = await fetch(url + path_, init);
    return { status: response.status, body: await response.json() };
  };
  const get = (path_: string): Promise<Answer> => call(path_);
  return {
    url,
    pid: Number(ready["pid"]),
    child,
    ready,
    events,
    exited,
    get,
    nextEvent: (fits) =>
      new Promise((resolve, reject) => {
        const listener = (event: Record<string, unknown>): void => {
          if (!fits(event)) return;
          listeners.delete(listener);
          resolve(event);
        };
        listeners.add(listener);
        void exited.then((code) =>
          reject(new Error(`chiron ended with ${code} while a test waited:\n${stderr.slice(-20).join("\n")}`)),
        );
      }),
    post: (path_, body) =>
      call(path_, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    finished: async (id) => {
      for (;;) {
        const { run } = (await get(`/api/workflows/runs/${id}`)).body as { run: { status: string } };
        if (["completed", "failed", "cancelled"].includes(run.status)) return run;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    kill: (signal = "SIGKILL") => {
      child.kill(signal);
      return exited;
    },
  };
}

/** Runs one command to its end. */
export async function runChiron(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    cwd,
    env: cleanEnvironment(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number>((resolve) => child.on("close", (exit) => resolve(exit ?? -1)));
  return { code, stdout, stderr };
}

function onLines(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = "";
  stream.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line !== "") take(line);
  });
}

/** The sample workflows of the repository. */
export const SAMPLES = path.join(ROOT, "fixtures", "workflows");
