// Which paths can change what a workflow folder serves: its .py files, except those in folders of installed packages and caches, and the
// temporary files editors make.
import type { Stats } from "node:fs";
import path from "node:path";

const FOREIGN: ReadonlySet<string> = new Set(["node_modules", "__pycache__"]);

/** Whether to follow this absolute path: it is one of `files`, or a Python file or folder of `trees`. Without `stats` it may be a folder. */
export function isOfInterest(
  file: string,
  stats: Stats | undefined,
  trees: readonly string[],
  files: ReadonlySet<string>,
): boolean {
  if (files.has(file)) return true;
  const tree = trees.find((root) => file === root || file.startsWith(root + path.sep));
  if (tree === undefined) return false;
  if (file === tree) return true;
  const parts = path.relative(tree, file).split(path.sep);
  if (parts.some((part) => FOREIGN.has(part) || part.startsWith("."))) return false;
  // Emacs writes #name# beside the file; every other editor's temporary file has another ending.
  return !stats?.isFile() || (file.endsWith(".py") && !parts.at(-1)!.startsWith("#"));
}
