// The page's files, read from the folder that Vite wrote them to, each once. A page that is built while the server runs is found at the
// next request; what is not there is null, never an error.
import fs from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { PageFile, PageFiles } from "./http/page-files.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** As Vite names them; also keeps every path outside of the folder from being asked for. */
const ASSET_NAME = /^[\w-]+\.(?:css|js|svg)$/;

/** The files of the page in this folder. */
export function pageFilesIn(folder: string): PageFiles {
  const known = new Map<string, PageFile>();
  return {
    // Not kept: a new build has new names in it.
    shell: () => readPageFile(path.join(folder, "index.html")),
    asset(name) {
      if (!ASSET_NAME.test(name)) return null;
      const found = known.get(name) ?? readPageFile(path.join(folder, "assets", name));
      if (found) known.set(name, found);
      return found;
    },
  };
}

function readPageFile(file: string): PageFile | null {
  const type = TYPES[path.extname(file)];
  if (type === undefined) return null;
  try {
    const bytes = new Uint8Array(fs.readFileSync(file));
    const gzipped = new Uint8Array(gzipSync(bytes));
    return { bytes, gzipped: gzipped.length < bytes.length ? gzipped : null, type };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
