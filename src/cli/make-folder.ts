// Makes the folder that a command writes to. One level after the other, because mkdir's own recursive mode never returns where a folder
// can be neither found nor made (/proc, a deleted working directory).
import fs from "node:fs";
import path from "node:path";

/** Existing folders stay as they are. Throws the system's error. */
export function makeFolder(folder: string): void {
  const missing: string[] = [];
  for (let at = path.resolve(folder); !fs.existsSync(at); at = path.dirname(at)) missing.push(at);
  for (const one of missing.toReversed()) fs.mkdirSync(one);
}
