// The scripts beside the peers' lock file: installs what they need when it is asked for the first time, runs one and answers what it prints.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Bench } from "./figures.ts";
import { IN_FLIGHT } from "./server.ts";
import { tracedBy, type Trace } from "./trace.ts";

const FOLDER = fileURLToPath(new URL("peers", import.meta.url));
/** Runs kept waiting beside those in flight: a peer takes new work in rounds, and with nothing waiting it would idle between them. */
export const BACKLOG = 3 * IN_FLIGHT;

export interface PeerRound {
  readonly runsPerSecond: number;
  readonly cpuMs: number;
  readonly handled: number;
  readonly stored: number;
}

export function installPeers(bench: Bench): void {
  const wanted = JSON.parse(fs.readFileSync(path.join(FOLDER, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const isThere = ([name, version]: readonly [string, string]): boolean => {
    const file = path.join(FOLDER, "node_modules", name, "package.json");
    return (
      fs.existsSync(file) && (JSON.parse(fs.readFileSync(file, "utf8")) as { version: string }).version === version
    );
  };
  if (Object.entries(wanted.dependencies).every(isThere)) return;
  bench.say("installing peers");
  const { status, stderr } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: FOLDER, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ci in ${FOLDER} failed:\n${stderr}`);
}

export function runPeer<T>([script, ...rest]: readonly [string, ...(string | number)[]], trace?: Trace): T {
  const command = [process.execPath, path.join(FOLDER, script), ...rest.map(String)];
  const [exe, ...args] = trace ? tracedBy(trace, command) : command;
  const { status, stdout, stderr } = spawnSync(exe!, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${script} ended with ${status}:\n${stderr}`);
  // A peer may print remarks of its own before.
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as T;
}
