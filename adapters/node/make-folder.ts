// Makes a folder and its parents. Not mkdir's own recursive mode: where a folder can be neither found nor made (a deleted working
// directory, /proc), that never returns.
import fs from "node:fs";
import path from "node:path";

/** Existing folders stay as they are. Throws the system's error. */
export function makeFolder(folder: string, mode = 0o777): void {
  if (fs.existsSync(folder)) return;
  const parent = path.dirname(folder);
  if (parent !== folder) makeFolder(parent, mode);
  fs.mkdirSync(folder, { mode });
}
