// One run of a local program in a process group of its own: its whole group is gone when `ended` settles, and goes too when this process is
// killed. What the program's output means is command-agent.ts's business.
import { spawn, type ChildProcess } from "node:child_process";
import { messageOf } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";

export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
  readonly onOutput: (text: string) => void;
  readonly onErrors: (text: string) => void;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not be started at all. */
  readonly fault: NodeJS.ErrnoException | null;
}

export interface Program {
  readonly ended: Promise<ProgramEnd>;
  /** SIGTERM to the whole group, SIGKILL to what is left of it after `PATIENCE_MS`. */
  stop(): void;
}

/** For a program to put its things in order. */
const PATIENCE_MS = 2_000;
/** How long after the exit its pipes may still hold something. Longer: a process that left the group has inherited them. */
const DRAIN_MS = 250;

/** Starts it. A failure to start is an end, too. */
export function startProgram(options: ProgramOptions, clock: Clock): Program {
  const child = begin(options);
  if (child instanceof Error) {
    return { ended: Promise.resolve({ code: null, signal: null, fault: child }), stop: () => undefined };
  }
  const { promise, resolve } = Promise.withResolvers<ProgramEnd>();
  const over = new AbortController();
  const guard = child.pid === undefined ? null : guardGroup(child.pid);
  const settle = (end: ProgramEnd): void => {
    over.abort();
    guard?.dismiss();
    for (const stream of child.stdio) stream?.destroy();
    resolve(end);
  };
  for (const stream of child.stdio) stream?.on("error", () => undefined);
  child.stdout!.setEncoding("utf8").on("data", options.onOutput);
  child.stderr!.setEncoding("utf8").on("data", options.onErrors);
  child.once("error", (fault: NodeJS.ErrnoException) => {
    if (child.pid === undefined) settle({ code: null, signal: null, fault });
  });
  child.once("exit", (code, signal) => {
    // At once, while the number cannot belong to anybody else: what the program started ends with it.
    killGroup(child.pid!, "SIGKILL");
    const closed = new AbortController();
    child.once("close", () => closed.abort());
    void clock.sleep(DRAIN_MS, closed.signal).then(() => settle({ code, signal, fault: null }));
  });
  child.stdin!.end(options.input);
  let stopping = false;
  const stop = (): void => {
    if (stopping || over.signal.aborted || child.pid === undefined) return;
    stopping = true;
    killGroup(child.pid, "SIGTERM");
    void clock.sleep(PATIENCE_MS, over.signal).then(() => {
      if (!over.signal.aborted && child.exitCode === null && child.signalCode === null) {
        killGroup(child.pid!, "SIGKILL");
      }
    });
  };
  return { ended: promise, stop };
}

/** Some failures come as an event, others (too long an argument, a NUL in one) are thrown. */
function begin({ command, args, cwd, env }: ProgramOptions): ChildProcess | NodeJS.ErrnoException {
  try {
    // detached: a group of its own, so that a terminal's Ctrl-C reaches the runtime alone, which then ends its turns in order.
    return spawn(command, args, { cwd, env, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

function killGroup(group: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Nobody is left in it.
  }
}

/** Ends the group when its input ends without a word, which is what the death of this process does to it. */
const GUARD = 'read -r word; [ -n "$word" ] || { kill -s TERM -- "-$0"; sleep 1; kill -s KILL -- "-$0"; } 2>/dev/null';

function guardGroup(group: number): { dismiss(): void } {
  const guard = spawn("/bin/sh", ["-c", GUARD, String(group)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: "/usr/bin:/bin" },
  });
  // Without a guard the program still ends with its turn; only a SIGKILL of the runtime would leave it.
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  return { dismiss: () => void guard.stdin.end("done\n") };
}
