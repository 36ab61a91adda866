// Finds the Python that runs the workflows and asks it once who it is, so that a shim (pyenv, asdf) costs its start-up only here. What a
// workflow imports is that interpreter's business.
import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { ChironError } from "../../src/core/errors.ts";

export interface Interpreter {
  /** What the interpreter calls itself: past shims, but inside its virtual environment. */
  readonly path: string;
  /** "3.11.7" */
  readonly version: string;
}

export interface InterpreterOptions {
  /** A path or a command name; wins over everything else. */
  readonly python?: string | undefined;
  readonly dirs: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const OLDEST_PYTHON = [3, 10] as const;

/** A shim may have to find its version first; an interpreter that needs longer than this is not usable. */
const ANSWER_WITHIN_MS = 20_000;
const WHO = "import sys\nprint(sys.executable)\nprint('%d.%d.%d' % sys.version_info[:3])";

/** Interpreters that have answered under their own name: asking them again would only cost time. */
const known = new Map<string, Interpreter>();

/** The interpreter to use. Throws ChironError python_missing, with what to do about it. */
export async function findInterpreter(options: InterpreterOptions): Promise<Interpreter> {
  const [candidate, origin] = choose(options);
  const found = known.get(candidate) ?? (await ask(candidate, origin, options.env));
  known.set(found.path, found);
  const [major, minor] = found.version.split(".").map(Number);
  if (major! > OLDEST_PYTHON[0] || (major === OLDEST_PYTHON[0] && minor! >= OLDEST_PYTHON[1])) return found;
  throw new ChironError("python_missing", `${found.path} (${origin}) is Python ${found.version}, which is too old`, {
    hint: `Chiron needs Python ${OLDEST_PYTHON.join(".")} or newer; name one with --python.`,
  });
}

/** The command to ask and, for a person, where it came from. */
function choose({ python, dirs, env }: InterpreterOptions): [string, string] {
  if (python !== undefined) {
    const home = env["HOME"] ?? os.homedir();
    return [python.includes("/") ? path.resolve(python.replace(/^~(?=\/)/, home)) : python, "as configured"];
  }
  const active = env["VIRTUAL_ENV"];
  const activePython = active ? pythonOf(active) : undefined;
  if (activePython) return [activePython, "from VIRTUAL_ENV"];
  for (const dir of dirs) {
    for (const folder of upwards(path.resolve(dir))) {
      const found = pythonOf(path.join(folder, ".venv"));
      if (found) return [found, `from ${path.join(folder, ".venv")}`];
    }
  }
  return ["python3", "from PATH"];
}

function pythonOf(environment: string): string | undefined {
  const file = path.join(environment, "bin", "python");
  return fs.existsSync(file) ? file : undefined;
}

function* upwards(from: string): Generator<string> {
  for (let folder = from; ; folder = path.dirname(folder)) {
    yield folder;
    if (folder === path.dirname(folder)) return;
  }
}

function ask(candidate: string, origin: string, env: InterpreterOptions["env"]): Promise<Interpreter> {
  // -I -S: neither the project's files nor site-packages may decide whether this works, nor slow it down.
  const args = ["-I", "-S", "-c", WHO];
  const options = { env: { ...env }, timeout: ANSWER_WITHIN_MS, killSignal: "SIGKILL" as const };
  return new Promise<Interpreter>((resolve, reject) => {
    const child = execFile(candidate, args, options, (error, stdout, stderr) => {
      const [file = "", version = ""] = stdout.trim().split("\n");
      if (error === null && /^\d+\.\d+\.\d+$/.test(version)) {
        // Empty when the interpreter cannot tell; then the name it was found by must do.
        resolve({ path: file === "" || file === "None" ? candidate : file, version });
      } else reject(unusable(candidate, origin, error, stderr));
    });
    child.stdin?.end();
  }).catch((error: unknown) => {
    // Some failures to start a process are thrown instead of told.
    throw error instanceof ChironError ? error : unusable(candidate, origin, error as Error, "");
  });
}

function unusable(candidate: string, origin: string, error: Error | null, stderr: string): ChironError {
  const code = (error as { code?: unknown } | null)?.code;
  const hint = `Install Python ${OLDEST_PYTHON.join(".")} or newer, or name an interpreter with --python.`;
  if (code === "ENOENT") return new ChironError("python_missing", `${candidate} (${origin}) was not found`, { hint });
  const said = stderr.trim().slice(-1_000) || (error?.message ?? "it did not tell its version");
  return new ChironError("python_missing", `${candidate} (${origin}) does not work: ${said}`, { hint, cause: error });
}
