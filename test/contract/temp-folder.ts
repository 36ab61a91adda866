// A folder of one test, gone when the test says so.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

export interface TempFolder {
  path(...parts: string[]): string;
  remove(): void;
}

export function makeFolder(): TempFolder {
  const root = mkdtempSync(path.join(tmpdir(), "chiron-store-"));
  return {
    path: (...parts) => path.join(root, ...parts),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
