// What `chiron doctor` asks of the machine: runtime, disk, clock, limits.
import fs from "node:fs";
import path from "node:path";
import type { Diagnosis, Examination } from "./examination.ts";
import { formatBytes } from "./value-text.ts";
import { relative } from "./when.ts";

const OLDEST_NODE = [22, 18] as const;
const MIB = 1_024 * 1_024;
/** Below this the log of a busy store has no room to be written back. */
const DISK_FAIL = 100 * MIB;
const DISK_WARN = 1_024 * MIB;
/** A folder costs one watch; editors and other tools use the same allowance. */
const FEW_WATCHES = 8_192;
/** No machine that runs this has an earlier clock. */
const EARLIEST = Date.UTC(2025, 0, 1);
const CLOCK_SLACK_MS = 60_000;

export const checkNode: Examination = () => nodeDiagnosis(process.versions.node);

export function nodeDiagnosis(version: string): Diagnosis {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const message = `${version} on ${process.platform}-${process.arch}`;
  const isNew = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (isNew) return { name: "node", status: "ok", message };
  return { name: "node", status: "fail", message, fix: `Use Node ${OLDEST_NODE.join(".")} or newer, or run "npm ci".` };
}

export const checkDisk: Examination = ({ config }) => {
  const folder = nearestFolder(path.dirname(config.storePath));
  const { bavail, bsize } = fs.statfsSync(folder);
  return diskDiagnosis(bavail * bsize, folder);
};

export function diskDiagnosis(free: number, folder: string): Diagnosis {
  const message = `${formatBytes(free)} free at ${folder}`;
  if (free >= DISK_WARN) return { name: "disk", status: "ok", message };
  const fix = "Free some space, or put the store elsewhere with --db; set engine.retention to delete old tasks.";
  return { name: "disk", status: free < DISK_FAIL ? "fail" : "warn", message, fix };
}

/** The folder, or the nearest one above it that exists. */
export function nearestFolder(folder: string): string {
  let at = path.resolve(folder);
  while (!fs.existsSync(at)) at = path.dirname(at);
  return at;
}

export const checkWatches: Examination = () => {
  const file = "/proc/sys/fs/inotify/max_user_watches";
  if (process.platform !== "linux" || !fs.existsSync(file)) {
    return { name: "file watching", status: "ok", message: `no limit known on ${process.platform}` };
  }
  return watchDiagnosis(Number(fs.readFileSync(file, "utf8")));
};

export function watchDiagnosis(limit: number): Diagnosis {
  const message = `${limit} watches a user`;
  if (limit >= FEW_WATCHES) return { name: "file watching", status: "ok", message };
  const fix = "sudo sysctl fs.inotify.max_user_watches=524288 (else saved files may go unnoticed).";
  return { name: "file watching", status: "warn", message, fix };
}

export const checkClock: Examination = ({ config }) => {
  const written = fs.existsSync(config.storePath) ? fs.statSync(config.storePath).mtimeMs : null;
  return clockDiagnosis(Date.now(), written);
};

/** A clock that stands before the store's last write has gone back: what is due by then waits. */
export function clockDiagnosis(now: number, storeWritten: number | null): Diagnosis {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  const message = `${new Date(now).toISOString()}, local zone ${zone}`;
  const fix = "Set the clock (time synchronisation on?): sleeps and schedules follow it.";
  if (now < EARLIEST) return { name: "clock", status: "fail", message, fix };
  if (storeWritten !== null && storeWritten > now + CLOCK_SLACK_MS) {
    const written = `the store was written ${relative(storeWritten, now)}`;
    return { name: "clock", status: "warn", message: `${message}; ${written}`, fix };
  }
  return { name: "clock", status: "ok", message };
}

export const checkDatabaseUrl: Examination = ({ config }) => {
  const url = config.env["DATABASE_URL"]?.trim();
  if (!url) return { name: "database url", status: "ok", message: "DATABASE_URL is not set" };
  return {
    name: "database url",
    status: "ok",
    message: `DATABASE_URL is set: workflows get it for ctx._pool; the engine's own store is ${config.storeKind === "sqlite" ? "SQLite" : "Postgres"}`,
  };
};
