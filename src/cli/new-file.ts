// Writes what a run holds into a file of a person's choice: never over another one unasked, readable by its owner only.
import fs from "node:fs";
import path from "node:path";
import { ChironError, messageOf } from "../core/errors.ts";
import { makeFolder } from "./make-folder.ts";

/** Throws ChironError conflict or store_unwritable. */
export function writeNewFile(name: string, content: string | Uint8Array, force: boolean): void {
  try {
    makeFolder(path.dirname(path.resolve(name)));
    fs.writeFileSync(name, content, { mode: 0o600, flag: force ? "w" : "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new ChironError("conflict", `${name} exists`, { hint: "Name another file, or replace it with --force." });
    }
    throw new ChironError("store_unwritable", `${name} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}
