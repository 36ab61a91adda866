// As whom PostgreSQL runs: it refuses to run as root. Everybody else runs it as themselves.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { ChironError } from "../../src/core/errors.ts";

export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
  /** A command to put in front, where a change of user is not possible. */
  readonly wrap: readonly string[];
}

/** In a user namespace root is somebody else, and the files it makes are still root's. */
const NAMESPACE = ["--user", "--map-user=1000", "--map-group=1000", "--"];

/**
 * For root: the owner of an existing data folder; else a system user that can reach the programs and the folder; else a user namespace
 * in which we are not root. Throws ChironError unavailable where none of them is possible.
 */
export function identityFor(bin: string, folder: string, data: string): Identity {
  if (process.getuid?.() !== 0) return { wrap: [] };
  const owner = fs.statSync(data, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, wrap: [] };
  return (owner ? undefined : systemUser(bin, folder)) ?? namespace(folder);
}

function systemUser(bin: string, folder: string): Identity | undefined {
  for (const name of ["postgres", "nobody"]) {
    try {
      const ask = (what: string): number =>
        Number(execFileSync("id", [what, name], { stdio: ["ignore", "pipe", "ignore"] }));
      const ids = { uid: ask("-u"), gid: ask("-g") };
      execFileSync(path.join(bin, "postgres"), ["--version"], { ...ids, stdio: "ignore" });
      execFileSync("test", ["-x", path.dirname(folder)], { ...ids, stdio: "ignore" });
      return { ...ids, wrap: [] };
    } catch {
      // No such user, or it may not enter one of the folders: try the next way.
    }
  }
  return undefined;
}

function namespace(folder: string): Identity {
  try {
    execFileSync("unshare", [...NAMESPACE, "true"], { stdio: "ignore" });
    return { wrap: ["unshare", ...NAMESPACE] };
  } catch (error) {
    throw new ChironError("unavailable", "PostgreSQL does not run as root, and this machine has no user for it", {
      hint: `Start Chiron as another user, or let the user "postgres" or "nobody" enter ${path.dirname(folder)}.`,
      cause: error,
    });
  }
}
