// Runs a program with a text on its input and takes its output, under limits of time and size. The program and all it starts are one process
// group that ends with the call, and with this process however that ends.
import { spawn, type ChildProcess } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { ChironError, messageOf } from "../../core/errors.ts";

export interface ProgramRun {
  /** Absolute. */
  readonly program: string;
  readonly args: readonly string[];
  readonly input: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  readonly signal: AbortSignal;
  /** Begins the messages of errors. */
  readonly what: string;
}

export interface ProgramEnd {
  readonly code: number;
  readonly output: string;
  /** The last of what it wrote to its error stream. */
  readonly errors: string;
}

const ERRORS_KEPT = 2_000;

/** The shell stays beside the program and reads descriptor 3, which only this process holds: when that ends, so does the whole group. */
const KEEPER = `exec 4<&0
"$0" "$@" <&4 4<&- 3<&- &
program=$!
exec 4<&- </dev/null
( exec >/dev/null 2>&1; read -r _ <&3; kill -9 0 ) &
keeper=$!
exec 3<&-
wait "$program"
code=$?
kill -9 "$keeper" 2>/dev/null
exit "$code"`;

/** The program's end by itself. Throws ChironError upstream when it was ended, and unavailable when it cannot be started. */
export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  const child = spawn("/bin/sh", ["-c", KEEPER, run.program, ...run.args], {
    detached: true,
    env: run.env,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  const ended = endOf(child, run.what);
  const stopped = Promise.withResolvers<string>();
  const timer = setTimeout(() => stopped.resolve(`did not end within ${run.timeoutMs / 1_000} s`), run.timeoutMs);
  const abort = (): void => stopped.resolve("was stopped with its run");
  run.signal.addEventListener("abort", abort, { once: true });
  if (run.signal.aborted) abort();
  const output = new Kept(run.maxOutputBytes, () => stopped.resolve(`wrote more than ${run.maxOutputBytes} bytes`));
  const errors = new Tail();
  child.stdout!.on("data", (part: Buffer) => output.add(part));
  child.stderr!.on("data", (part: Buffer) => errors.add(part));
  // A program that does not read its input may still answer.
  child.stdin!.on("error", () => undefined).end(run.input);
  child.stdio[3]!.on("error", () => undefined);
  try {
    const end = await Promise.race([ended, stopped.promise]);
    if (typeof end === "number") return { code: end, output: output.text(), errors: errors.text() };
    const said = errors.text();
    throw new ChironError("upstream", `${run.what} ${end}${said === "" ? "" : `; it said: ${said}`}`);
  } finally {
    clearTimeout(timer);
    run.signal.removeEventListener("abort", abort);
    killGroup(child);
    for (const stream of child.stdio) stream?.destroy();
  }
}

/** The exit code once all output is in, 128 and the signal's number for one. */
function endOf(child: ChildProcess, what: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on("error", (error) =>
      reject(new ChironError("unavailable", `${what} cannot be started: ${messageOf(error)}`)),
    );
    // What it left running in the background may hold its output open for ever.
    child.on("exit", () => killGroup(child));
    child.on("close", (code) => resolve(code ?? 128 + 9));
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
}

class Kept {
  readonly #parts: Buffer[] = [];
  readonly #limit: number;
  readonly #passed: () => void;
  #size = 0;

  constructor(limit: number, passed: () => void) {
    this.#limit = limit;
    this.#passed = passed;
  }

  add(part: Buffer): void {
    this.#size += part.length;
    if (this.#size > this.#limit) this.#passed();
    else this.#parts.push(part);
  }

  text(): string {
    return Buffer.concat(this.#parts).toString("utf8");
  }
}

class Tail {
  #bytes: Buffer = Buffer.alloc(0);

  add(part: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, part]).subarray(-ERRORS_KEPT);
  }

  text(): string {
    return this.#bytes.toString("utf8").trim();
  }
}

/** Where PATH leads for a program's name; a path is taken as it is. Null: nowhere. */
export function findProgram(name: string, env: Readonly<Record<string, string | undefined>>): string | null {
  const dirs = name.includes("/") ? [""] : (env["PATH"] ?? "").split(path.delimiter).filter((dir) => dir !== "");
  for (const dir of dirs) {
    const file = path.resolve(dir, name);
    try {
      fs.accessSync(file, fs.constants.X_OK);
      if (fs.statSync(file).isFile()) return file;
    } catch {
      // Not here.
    }
  }
  return null;
}
