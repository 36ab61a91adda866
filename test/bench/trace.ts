// strace around a program: counts its fsyncs, or makes each one slower. Only the two calls stop (seccomp), so the rest runs at full speed.
import { spawnSync } from "node:child_process";
import fs from "node:fs";

export interface Trace {
  /** Where each call is written, as it ends. */
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
  const inject = delayMs === undefined ? [] : ["-e", `inject=${CALLS}:delay_enter=${delayMs * 1_000}`];
  return ["strace", "-f", "--seccomp-bpf", "-qq", "-e", `trace=${CALLS}`, "-o", output, ...inject, ...command];
}

/** The calls that a trace without a delay has seen so far. */
export function countedCalls(output: string): number {
  return fs.readFileSync(output, "utf8").match(/^\d+ +f(?:data)?sync\(/gm)?.length ?? 0;
}
