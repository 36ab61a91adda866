// One child process in a process group of its own, with pipes. Guarantees that the whole group is gone when `ended` settles. Knows no
// protocol. A host that outlives a killed runtime ends by itself (its input ends) or as a leftover at the next start.
import { spawn, type ChildProcess } from "node:child_process";
import { messageOf } from "../../src/core/errors.ts";
import { StderrTail } from "./stderr-tail.ts";

export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly onOutput: (chunk: Buffer) => void;
  readonly onErrors?: (chunk: Buffer) => void;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not be started at all. */
  readonly spawnError: string | null;
  /** Whether `kill` was called before. */
  readonly killed: boolean;
  readonly stderr: string;
}

/** How long after the exit its pipes may still hold something. Longer: a process that left the group has inherited them. */
const DRAIN_MS = 250;

export class HostProcess {
  /** 0 when it could not be started. */
  readonly pid: number;
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess | null;
  readonly #tail = new StderrTail();
  #exited = false;
  #killed = false;

  constructor(options: ProcessOptions) {
    const { command, args, env, onOutput, onErrors } = options;
    const child = start(command, args, env);
    this.#child = child instanceof Error ? null : child;
    this.pid = this.#child?.pid ?? 0;
    this.ended = new Promise((resolve) => {
      if (child instanceof Error) resolve(this.#notStarted(child));
      else this.#follow(child, resolve);
    });
    this.#child?.stdout?.on("data", onOutput);
    this.#child?.stderr?.on("data", (chunk: Buffer) => {
      this.#tail.push(chunk);
      onErrors?.(chunk);
    });
  }

  write(text: string): void {
    if (!this.#exited) this.#child?.stdin?.write(text);
  }

  /** Ends its input. */
  closeInput(): void {
    this.#child?.stdin?.end();
  }

  /** SIGKILL to the whole group. */
  kill(): void {
    this.#killed = true;
    if (!this.#exited) this.#killGroup();
  }

  /** What it has written to its error stream so far, the last of it. */
  stderr(): string {
    return this.#tail.text();
  }

  #notStarted(error: Error): ProcessEnd {
    this.#exited = true;
    return { code: null, signal: null, spawnError: messageOf(error), killed: this.#killed, stderr: "" };
  }

  #follow(child: ChildProcess, resolve: (end: ProcessEnd) => void): void {
    // A write to a process that is gone is no news: its end is.
    for (const stream of child.stdio) stream?.on("error", () => undefined);
    child.once("error", (error) => {
      if (this.pid === 0) resolve(this.#notStarted(error));
    });
    child.once("exit", (code, signal) => {
      // At once, while the number cannot belong to anybody else: what the host started ends with it.
      this.#killGroup();
      this.#exited = true;
      const finish = (): void => {
        clearTimeout(timer);
        for (const stream of child.stdio) stream?.destroy();
        resolve({ code, signal, spawnError: null, killed: this.#killed, stderr: this.#tail.text() });
      };
      const timer = setTimeout(finish, DRAIN_MS);
      child.once("close", finish);
    });
  }

  #killGroup(): void {
    if (this.pid === 0) return;
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // Nobody is left in the group.
    }
  }
}

/** Some failures come as an event, others (too large an environment, no memory) are thrown. */
function start(command: string, args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess | Error {
  try {
    // detached: a group and session of its own, so that a terminal's Ctrl-C reaches the runtime alone, which then ends its runs in order.
    return spawn(command, args, { env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

/** How a process ended, for a person. */
export function describeEnd(end: ProcessEnd): string {
  if (end.spawnError !== null) return `could not be started: ${end.spawnError}`;
  if (end.signal !== null) return `was ended by ${end.signal}`;
  return `exited with status ${end.code}`;
}
