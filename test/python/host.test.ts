// Runs the Python host's own tests under every interpreter found, plain and as `-E -S`, with warnings as errors. A run of no tests fails.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";

const MINORS = ["3.10", "3.11", "3.12", "3.13", "3.14"];
const RUN_TIMEOUT_MS = 110_000;

/** CHIRON_TEST_PYTHONS (paths, separated like PATH), else python3.x on PATH and in pyenv, else python3. */
function interpreters(): readonly string[] {
  const pinned = process.env["CHIRON_TEST_PYTHONS"];
  if (pinned) return pinned.split(delimiter).filter(Boolean);
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("shims"));
  const versions = join(homedir(), ".pyenv", "versions");
  const pyenv = existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, "bin")) : [];
  const found = MINORS.flatMap((minor) => {
    const path = [...folders, ...pyenv]
      .map((folder) => join(folder, `python${minor}`))
      .find((file) => existsSync(file));
    return path ? [realpathSync(path)] : [];
  });
  return found.length > 0 ? [...new Set(found)] : ["python3"];
}

function runUnittest(python: string, flags: string): { readonly ok: boolean; readonly output: string } {
  const { PYTHONDONTWRITEBYTECODE: _, PYTHONPATH: __, ...inherited } = process.env;
  const result = spawnSync(python, ["-B", "-W", "error", "-m", "unittest", "discover", "-s", import.meta.dirname], {
    cwd: import.meta.dirname,
    env: { ...inherited, CHIRON_TEST_FLAGS: flags },
    encoding: "utf8",
    timeout: RUN_TIMEOUT_MS,
  });
  const output = `${result.error?.message ?? ""}${result.stdout}${result.stderr}`;
  const ran = /^Ran (\d+) tests? in /m.exec(output);
  return { ok: result.status === 0 && Number(ran?.[1] ?? 0) > 0, output };
}

describe.each(interpreters())("the Python host under %s", (python) => {
  test.each(["", "-E -S"])("passes its tests with the flags '%s'", (flags) => {
    const { ok, output } = runUnittest(python, flags);
    expect(ok, output).toBe(true);
  });
});
