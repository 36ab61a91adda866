// Recordings of httpx with the real packages: the Python tests that need them, under interpreters that have them.
import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { pythonPackage } from "../postgres/python-package.ts";

// openai brings httpx2, the second line of httpx.
describe.each([
  ["httpx==0.28.1", "test_httpx_recordings.HttpxRecordings"],
  ["openai==3.54.0", "test_httpx_recordings"],
])("recordings with %s", (requirement, tests) => {
  const { python, reason } = pythonPackage(requirement);

  test.skipIf(python === null)(`its answers are recorded and played ${reason}`, () => {
    const { PYTHONPATH: _, ...env } = process.env;
    const { status, stderr } = spawnSync(python!, ["-B", "-m", "unittest", tests], {
      cwd: import.meta.dirname,
      env,
      encoding: "utf8",
      timeout: 110_000,
    });
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/^Ran \d+ tests/m);
    expect(stderr).not.toContain("skipped");
  });
});
