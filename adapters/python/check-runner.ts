// Runs the static analysis of workflow folders in the interpreter it is given, and answers what it printed. The process is bounded in
// time and output and has ended when the promise settles; it starts no process of its own.
import { execFile } from "node:child_process";
import path from "node:path";
import { ChironError } from "../../src/core/errors.ts";

export const ANALYSIS_TIMEOUT_MS = 120_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const STDERR_SHOWN = 2_000;

/**
 * The JSON document of `chiron_check` over `dirs`. `packageDir` is the folder that holds it. The environment is the workflows' own,
 * because the rules ask whether DATABASE_URL is set and which packages its PYTHONPATH shows.
 */
export function runAnalysis(
  interpreter: string,
  dirs: readonly string[],
  packageDir: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  const script = path.join(packageDir, "chiron_check");
  // -B: the installation may be read-only, and must not change by being used.
  const args = ["-X", "utf8", "-B", script, ...dirs.map((dir) => path.resolve(dir))];
  const options = {
    env: { ...env },
    encoding: "utf8" as const,
    timeout: ANALYSIS_TIMEOUT_MS,
    killSignal: "SIGKILL" as const,
    maxBuffer: MAX_OUTPUT_BYTES,
    windowsHide: true,
  };
  return new Promise((resolve, reject) => {
    execFile(interpreter, args, options, (cause, stdout, stderr) => {
      if (cause === null) resolve(stdout);
      else reject(failure(interpreter, cause, stderr));
    }).stdin?.end();
  });
}

function failure(
  interpreter: string,
  cause: Error & { code?: unknown; killed?: boolean },
  stderr: string,
): ChironError {
  if (cause.code === "ENOENT" || cause.code === "EACCES") {
    return new ChironError("python_missing", `${interpreter} cannot be run`, {
      cause,
      hint: "Name an interpreter with --python.",
    });
  }
  const said = stderr.trim().slice(-STDERR_SHOWN);
  if (cause.code === 2 && said !== "") return new ChironError("bad_request", said, { cause });
  const why = cause.killed ? `did not end within ${ANALYSIS_TIMEOUT_MS / 1_000} s` : said || cause.message;
  return new ChironError("host_failed", `the static analysis failed: ${why}`, { cause });
}
