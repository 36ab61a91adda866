// One process uses a private cluster's folder at a time. Who that is stands in a file; one whose process is gone counts for nothing.
import { randomUUID } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { ChironError } from "../../src/core/errors.ts";

interface Owner {
  readonly pid: number;
  /** When that process began, so that a pid which the system gave to somebody else is not taken for it. Empty where /proc is missing. */
  readonly start: string;
}

/** Takes the folder for this process; throws store_owned when another one has it. Answers how to give it back. */
export function takeFolder(folder: string): () => void {
  const file = path.join(folder, "owner.json");
  const mine = `${file}.${randomUUID()}`;
  fs.writeFileSync(mine, JSON.stringify({ pid: process.pid, start: startOf(process.pid) } satisfies Owner), {
    mode: 0o600,
  });
  try {
    // A link appears with its content or not at all, and never over another one.
    while (!linked(mine, file)) clearStale(file, folder);
  } finally {
    fs.rmSync(mine);
  }
  return () => fs.rmSync(file, { force: true });
}

function linked(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function clearStale(file: string, folder: string): void {
  const seen = read(file);
  if (seen === null) return;
  const owner = parse(seen);
  if (owner && lives(owner)) {
    throw new ChironError("store_owned", `the private Postgres in ${folder} is in use by process ${owner.pid}`, {
      hint: "Stop that process, or start this one in another folder.",
      details: { path: folder, pid: owner.pid },
    });
  }
  const aside = `${file}.${randomUUID()}`;
  try {
    fs.renameSync(file, aside);
  } catch {
    return;
  }
  // Another process may have been quicker, and then this was its file.
  if (read(aside) !== seen) linked(aside, file);
  fs.rmSync(aside, { force: true });
}

function read(file: string): string | null {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

function parse(text: string): Owner | null {
  try {
    const { pid, start } = JSON.parse(text) as Partial<Owner>;
    return typeof pid === "number" && pid > 0 ? { pid, start: String(start ?? "") } : null;
  } catch {
    return null;
  }
}

function lives({ pid, start }: Owner): boolean {
  return isAlive(pid) && startOf(pid) === start;
}

/** Whether there is such a process, also one of another user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Boot and clock ticks from it; another process with the same number has another one. */
function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return "";
  // The second field is the command in parentheses, which may itself contain anything.
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return `${read("/proc/sys/kernel/random/boot_id")?.trim() ?? ""} ${ticks}`;
}

/** The server that still runs on a data folder, as its own lock file tells; null: none. */
export function serverOn(data: string): number | null {
  const pid = Number.parseInt(read(path.join(data, "postmaster.pid")) ?? "", 10);
  return pid > 0 && isAlive(pid) ? pid : null;
}

/** Whether that process certainly is the server of this folder: its working directory is. Only where /proc tells. */
export function isServerOf(pid: number, data: string): boolean {
  try {
    return fs.readlinkSync(`/proc/${pid}/cwd`) === fs.realpathSync(data);
  } catch {
    return false;
  }
}
