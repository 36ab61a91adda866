// A Python with one package from PyPI, for tests against real peers: a virtual environment that is kept beside node_modules' other
// caches. Where it cannot be made (no network, no venv), the reason why, for the title of a skipped test.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const CACHE = fileURLToPath(new URL("../../node_modules/.cache/chiron-test-python/", import.meta.url));
const QUIETLY = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries", "0", "--timeout", "5"];

export interface PythonPackage {
  /** An interpreter that has the package; null: there is none. */
  readonly python: string | null;
  readonly reason: string;
}

/** `name==version`, whose module has the same name. Each package has one test file, so that no two make an environment at a time. */
export function pythonPackage(requirement: string): PythonPackage {
  const folder = path.join(CACHE, requirement);
  const python = path.join(folder, "bin", "python");
  const done = path.join(folder, "ready");
  if (fs.existsSync(done)) return { python, reason: "" };
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(CACHE, { recursive: true });
  // The pip that is there installs into the environment: making one of its own takes longer than all the rest.
  const install = ["-m", "pip", "--python", python, "install", ...QUIETLY, "--only-binary=:all:", requirement];
  const reason = failure("python3", ["-m", "venv", "--without-pip", folder]) ?? failure("python3", install);
  if (reason === null) {
    fs.writeFileSync(done, "");
    return { python, reason: "" };
  }
  fs.rmSync(folder, { recursive: true, force: true });
  // The system may have it, in some version.
  if (failure("python3", ["-c", `import ${requirement.split("==")[0]}`]) === null)
    return { python: "python3", reason: "" };
  return { python: null, reason: `no ${requirement}: ${reason}` };
}

/** Null when the program ended well. */
function failure(program: string, args: readonly string[]): string | null {
  const { status, error, stderr } = spawnSync(program, args, { encoding: "utf8", timeout: 60_000 });
  if (status === 0) return null;
  return error?.message ?? (stderr.trim().split("\n").at(-1) || `${program} ended with ${status}`);
}
