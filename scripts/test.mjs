// Runs the tests and closes with a line "N passed, N failed, N skipped". Arguments go to vitest: npm test -- --project unit
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findNode, NO_NODE } from "./find-node.mjs";

const exe = findNode();
if (!exe) {
  console.error(NO_NODE);
  process.exit(1);
}
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-test-report-"));
const report = path.join(folder, "report.json");
const args = [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${report}`,
];
const env = { ...process.env, PATH: path.dirname(exe) + path.delimiter + process.env.PATH };
const run = spawnSync(exe, [...args, ...process.argv.slice(2)], { stdio: "inherit", env });
let passed = 0;
let failed = 1;
let skipped = 0;
try {
  const result = JSON.parse(fs.readFileSync(report, "utf8"));
  passed = result.numPassedTests;
  // A file that does not load has no tests to count, and is a failure all the same.
  failed =
    result.numFailedTests +
    result.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
  skipped = result.numPendingTests + result.numTodoTests;
} catch (error) {
  console.error(`no test report: ${error.message}`);
}
fs.rmSync(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(run.status === 0 && failed === 0 && passed > 0 ? 0 : 1);
