// The secret that buttons are signed with on a developer's machine that has no CENTAUR_JWT_SIGNING_SECRET: made once, kept beside the store,
// readable by its owner only.
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const FILE = "button-key";

/** The secret of this folder, and the file that holds it. */
export function localButtonKey(folder: string): { readonly secret: string; readonly file: string } {
  const file = path.join(folder, FILE);
  const known = read(file);
  if (known !== null) return { secret: known, file };
  const secret = randomBytes(32).toString("base64url");
  try {
    writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    // Another process made it a moment ago.
    const theirs = read(file);
    if (theirs !== null) return { secret: theirs, file };
    throw error;
  }
  return { secret, file };
}

function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim() || null;
  } catch {
    return null;
  }
}
