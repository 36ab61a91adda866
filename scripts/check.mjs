// Everything that can be said about the code without running it: types, lint, format, dead code, Python types.
import { spawnSync } from "node:child_process";
import { findNode, NO_NODE } from "./find-node.mjs";

const CHECKS = {
  types: ["node_modules/typescript/bin/tsc", "-p", "."],
  "devtools types": ["node_modules/typescript/bin/tsc", "-p", "devtools"],
  lint: ["node_modules/oxlint/bin/oxlint", "--type-aware"],
  format: ["node_modules/oxfmt/bin/oxfmt", "--check"],
  "dead code": ["node_modules/knip/bin/knip.js"],
  "Python types": ["node_modules/pyright/index.js"],
};

const exe = findNode();
if (!exe) {
  console.error(NO_NODE);
  process.exit(1);
}
const failed = [];
for (const [name, args] of Object.entries(CHECKS)) {
  const started = Date.now();
  const run = spawnSync(exe, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  console.log(`${run.status === 0 ? "ok  " : "FAIL"} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  if (run.status === 0) continue;
  failed.push(name);
  console.log(run.stdout + run.stderr);
}
if (failed.length > 0) {
  console.log(`${failed.join(", ")} failed; "npm run fix" mends formatting and simple lint findings`);
  process.exit(1);
}
