// A real `chiron dev` in a folder of its own, as a user starts it: default durability, 100 runs at a time. What it says goes to a file,
// because reading it would cost the machine more than the engine.
import { spawn, type ChildProcess } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { childrenOf, cpuMs, nameOf } from "./processes.ts";
import { tracedBy, type Trace } from "./trace.ts";

const LAUNCHER = fileURLToPath(new URL("../../scripts/chiron.mjs", import.meta.url));
const WORKFLOWS = fileURLToPath(new URL("workflows", import.meta.url));

export const IN_FLIGHT = 100;

export interface ServerOptions {
  /** Its working folder; the store is in `.chiron` there. Made when missing. */
  readonly dir: string;
  readonly workflows?: string;
  readonly trace?: Trace;
  readonly nodeOptions?: readonly string[];
}

export interface Server {
  readonly pid: number;
  readonly port: number;
  /** ms from the start of the process to its word that it is ready. */
  readonly readyMs: number;
  /** CPU time so far of the runtime, of its Python processes and of its Postgres, in ms. */
  cpu(): { readonly runtime: number; readonly hosts: number; readonly database: number };
  /** One value of /metrics, summed over its labels that hold `label`. */
  metric(name: string, label?: string): Promise<number>;
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/** Where the servers of this bench keep their state. */
let store: "sqlite" | "postgres" = "sqlite";

/** postgres: each server gets a Postgres of its own in its folder, with fsync on. */
export function useStore(kind: "sqlite" | "postgres"): void {
  store = kind;
}

export const storeInUse = (): "sqlite" | "postgres" => store;

/** Starts it and waits until it serves. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { dir, workflows = WORKFLOWS, trace, nodeOptions = [] } = options;
  fs.mkdirSync(dir, { recursive: true });
  const log = fs.openSync(path.join(dir, "events.log"), "a");
  const command = [
    process.execPath,
    ...nodeOptions,
    LAUNCHER,
    "dev",
    workflows,
    "--port",
    "0",
    "--json",
    ...(store === "postgres" ? ["--postgres"] : []),
  ];
  const [exe, ...args] = trace ? tracedBy(trace, command) : command;
  const started = performance.now();
  const child = spawn(exe!, args, { cwd: dir, env: environment(), stdio: ["ignore", "pipe", log] });
  fs.closeSync(log);
  const { url, pid } = JSON.parse(await firstLine(child, dir)) as { url: string; pid: number };
  const readyMs = performance.now() - started;
  return {
    pid,
    port: Number(new URL(url).port),
    readyMs,
    cpu() {
      const [postgres, hosts] = partition(childrenOf(pid), (child) => nameOf(child) === "postgres");
      const sum = (pids: readonly number[]): number => pids.reduce((total, one) => total + (cpuMs(one) ?? 0), 0);
      return {
        runtime: cpuMs(pid) ?? 0,
        hosts: sum(hosts),
        database: sum([...postgres, ...postgres.flatMap(childrenOf)]),
      };
    },
    metric: async (name, label = "") => sumOf(await (await fetch(`${url}/metrics`)).text(), name, label),
    async stop(signal = "SIGTERM") {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      process.kill(pid, signal);
      await ended;
    },
  };
}

/** A new user's environment: nothing of this shell's Chiron, and byte code allowed. */
function environment(): Record<string, string> {
  const kept = ["PATH", "HOME", "LANG", "USER"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), NO_COLOR: "1", WORKFLOW_WORKER_CONCURRENCY: String(IN_FLIGHT) };
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}

function firstLine(child: ChildProcess, dir: string): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).once("line", resolve);
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      const said = fs.readFileSync(path.join(dir, "events.log"), "utf8").slice(-2_000);
      reject(new Error(`chiron dev ended with ${signal ?? code}:\n${said}`));
    });
  });
}

function sumOf(text: string, name: string, label: string): number {
  const samples = text
    .split("\n")
    .filter((line) => (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) && line.includes(label));
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
