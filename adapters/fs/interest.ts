// Which paths can change what a workflow folder serves: its .py files, except those in folders of installed packages and caches, and the
// temporary files editors make.
import type { Stats } from "node:fs";
import path from "node:path";

const FOREIGN: ReadonlySet<string> = new Set(["node_modules", "__pycache__"]);

/** Whether to follow this path. Without `stats` it may be a folder. */
export function isOfInterest(
  file: string,
  stats: Stats | undefined,
  trees: readonly string[],
  files: ReadonlySet<string>,
): boolean {
  const absolute = path.resolve(file);
  if (files.has(absolute)) return true;
  const tree = trees.find((root) => absolute === root || absolute.startsWith(root + path.sep));
  if (tree === undefined) return false;
  const parts = path.relative(tree, absolute).split(path.sep);
  const name = parts.at(-1)!;
  if (name === "") return true;
  const folders = stats?.isFile() ? parts.slice(0, -1) : parts;
  if (folders.some((part) => FOREIGN.has(part) || part.startsWith("."))) return false;
  return !stats?.isFile() || (name.endsWith(".py") && !isTemporary(name));
}

/** Emacs lock and auto-save files, and what saves write before they rename. */
function isTemporary(name: string): boolean {
  return name.startsWith(".") || name.startsWith("#");
}
