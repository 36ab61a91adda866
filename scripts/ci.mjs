// What continuous integration runs: the static checks, then all tests. The last line counts the tests.
import { spawnSync } from "node:child_process";

const run = (script) => spawnSync(process.execPath, [script], { stdio: "inherit" }).status ?? 1;
const checks = run("scripts/check.mjs");
const tests = run("scripts/test.mjs");
process.exit(checks === 0 ? tests : 1);
