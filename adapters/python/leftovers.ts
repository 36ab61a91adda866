// Host processes of a runtime that was killed. They end by themselves when their input ends; what they had started may not. Each group is
// on record with its leader's start time, so that a number which the system gave to somebody else is never touched. Needs /proc; elsewhere
// the end of input must do.
import fs from "node:fs";
import { makeFolder } from "../node/make-folder.ts";
import path from "node:path";

interface Identity {
  readonly pid: number;
  /** Clock ticks from boot to its start. */
  readonly start: string;
}

interface RecordFile {
  readonly boot: string;
  readonly runtime: Identity;
  readonly hosts: readonly Identity[];
}

interface Stat {
  readonly state: string;
  readonly group: number;
  readonly start: string;
}

function statOf(pid: number | string): Stat | null {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the command in parentheses, which may itself contain anything.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0]!, group: Number(fields[2]), start: fields[19]! };
  } catch {
    return null;
  }
}

function bootId(): string {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

export class Leftovers {
  readonly #file: string | null;
  readonly #boot = bootId();
  readonly #runtime: Identity | null;
  readonly #hosts = new Map<number, Identity>();

  /** Without a folder, or without /proc, nothing is recorded. */
  constructor(stateDir: string | null) {
    const self = statOf(process.pid);
    this.#runtime = self && { pid: process.pid, start: self.start };
    this.#file = stateDir === null || this.#runtime === null ? null : path.join(stateDir, "hosts.json");
  }

  add(pid: number): void {
    const stat = statOf(pid);
    if (this.#file === null || stat === null) return;
    this.#hosts.set(pid, { pid, start: stat.start });
    this.#write();
  }

  remove(pid: number): void {
    if (this.#hosts.delete(pid)) this.#write();
  }

  /** Ends what an earlier runtime left behind; leaves a runtime that still lives alone. Answers the ended groups. */
  sweep(): number[] {
    const record = this.#read();
    if (record === null || record.boot !== this.#boot) return [];
    if (statOf(record.runtime.pid)?.start === record.runtime.start) return [];
    const members = runningGroups();
    return record.hosts.filter((host) => endGroup(host, members.get(host.pid) ?? [])).map((host) => host.pid);
  }

  /** Nothing runs any more. */
  clear(): void {
    this.#hosts.clear();
    if (this.#file !== null) fs.rmSync(this.#file, { force: true });
  }

  #read(): RecordFile | null {
    if (this.#file === null) return null;
    try {
      return JSON.parse(fs.readFileSync(this.#file, "utf8")) as RecordFile;
    } catch {
      return null;
    }
  }

  #write(): void {
    if (this.#file === null || this.#runtime === null) return;
    const record: RecordFile = { boot: this.#boot, runtime: this.#runtime, hosts: [...this.#hosts.values()] };
    const temporary = `${this.#file}.${process.pid}.tmp`;
    try {
      makeFolder(path.dirname(this.#file), 0o700);
      fs.writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
      fs.renameSync(temporary, this.#file);
    } catch {
      // A full disk costs the clean-up after a kill, which the end of input makes unlikely to be needed; it must not stop a host.
    }
  }
}

/** Start times of all live processes by group. */
function runningGroups(): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const name of fs.readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statOf(name);
    if (stat === null || stat.state === "Z") continue;
    const starts = groups.get(stat.group);
    if (starts) starts.push(stat.start);
    else groups.set(stat.group, [stat.start]);
  }
  return groups;
}

function endGroup(host: Identity, starts: readonly string[]): boolean {
  const leader = statOf(host.pid);
  // A leader that started at another time is somebody else's. Without one the number is not given out again while the group has members.
  if (starts.length === 0 || (leader !== null && leader.start !== host.start)) return false;
  if (starts.some((start) => BigInt(start) < BigInt(host.start))) return false;
  try {
    process.kill(-host.pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}
