// Builds the devtools page when its sources have changed since the last build, which takes about a second; else does nothing.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findNode, NO_NODE } from "./find-node.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const source = path.join(root, "devtools");
const built = path.join(root, "dist", "devtools");
const mark = path.join(built, "sources.sha256");

function fingerprint() {
  const hash = createHash("sha256");
  const files = fs.readdirSync(source, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => path.join(entry.parentPath, entry.name)).toSorted();
  for (const file of [...paths, path.join(root, "package-lock.json"), fileURLToPath(import.meta.url)]) {
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(fs.readFileSync(file))
      .update("\0");
  }
  return hash.digest("hex");
}

/** Answers whether the page is there. */
export function buildDevtools() {
  const wanted = fingerprint();
  if (fs.existsSync(mark) && fs.readFileSync(mark, "utf8") === wanted) return true;
  const exe = findNode();
  if (!exe) {
    console.error(NO_NODE);
    return false;
  }
  const args = [path.join(root, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "warn"];
  // Whoever asks, a test runner too, gets the same page.
  const env = { ...process.env, NODE_ENV: "production" };
  const run = spawnSync(exe, args, { cwd: source, env, stdio: "inherit" });
  if (run.status !== 0) return false;
  fs.writeFileSync(mark, wanted);
  return true;
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = buildDevtools() ? 0 : 1;
}
