// What Linux says about a process: its children, the CPU time it has used, the memory it holds. Elsewhere everything is empty or null.
import fs from "node:fs";

/** Clock ticks a second in /proc; 100 on every Linux that Node runs on. */
const TICKS = 100;

function statOf(pid: number): string[] | null {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold anything; what follows it is plain.
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

/** Processes whose parent is `pid`. */
export function childrenOf(pid: number): number[] {
  if (!fs.existsSync("/proc")) return [];
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => statOf(other)?.[1] === String(pid));
}

/** The name of its program, as far as the kernel keeps it; null when it has ended. */
export function nameOf(pid: number): string | null {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, "latin1").trimEnd();
  } catch {
    return null;
  }
}

/** CPU time used so far, user and system, in ms; null when it cannot be known. */
export function cpuMs(pid: number): number | null {
  const stat = statOf(pid);
  return stat && ((Number(stat[11]) + Number(stat[12])) * 1_000) / TICKS;
}

/** Resident memory in MiB. */
export function residentMib(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return kib === undefined ? null : Number(kib) / 1_024;
  } catch {
    return null;
  }
}
