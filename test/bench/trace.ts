// strace around a program: counts its fsyncs, or makes each one slower. Only the two calls stop (seccomp), so the rest runs at full speed.
import { spawnSync } from "node:child_process";
import fs from "node:fs";

export interface Trace {
  /** Where the summary of the calls is written. */
  readonly output: string;
  /** Added to each fsync and fdatasync. */
  readonly delayMs?: number;
}

const CALLS = "fsync,fdatasync";

/** Whether strace is here and may trace. */
export function canTrace(): boolean {
  return spawnSync("strace", ["-f", "--seccomp-bpf", "-qq", "-e", `trace=${CALLS}`, "true"]).status === 0;
}

export function tracedBy({ output, delayMs }: Trace, command: readonly string[]): string[] {
  const inject = delayMs === undefined ? ["-c"] : ["-e", `inject=${CALLS}:delay_enter=${delayMs * 1_000}`];
  return ["strace", "-f", "--seccomp-bpf", "-qq", "-e", `trace=${CALLS}`, "-o", output, ...inject, ...command];
}

/** The calls that a summary (a trace without a delay) counted, once the program has ended. */
export function countedCalls(output: string): number {
  const lines = fs.readFileSync(output, "utf8").split("\n");
  const counted = lines.filter((line) => /\bf(?:data)?sync$/.test(line.trim()));
  return counted.reduce((sum, line) => sum + Number(line.trim().split(/\s+/)[3]), 0);
}
