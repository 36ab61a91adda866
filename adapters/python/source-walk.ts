// Which files of a workflow folder are its code: every .py below it, except in folders that hold installed packages and caches. The host
// walks by the same rule; symbolic links to files are followed, to folders not.
import fs from "node:fs/promises";
import path from "node:path";

const UNWALKED: ReadonlySet<string> = new Set(["node_modules", "__pycache__"]);

/** Whether a sub-folder of this name holds no code of the project. A `venv` does only when it is one. */
export function isForeignFolder(name: string): boolean {
  return name.startsWith(".") || UNWALKED.has(name);
}

/** Absolute paths of the .py files below these folders, sorted. A folder that is missing has none. */
export async function pythonFiles(dirs: readonly string[], walkAll: boolean): Promise<string[]> {
  const found = new Set<string>();
  const walk = async (folder: string): Promise<void> => {
    const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => []);
    const isEnvironment = path.basename(folder) === "venv" && entries.some((entry) => entry.name === "pyvenv.cfg");
    if (isEnvironment && !walkAll && !dirs.includes(folder)) return;
    const below: Promise<void>[] = [];
    for (const entry of entries) {
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (walkAll || !isForeignFolder(entry.name)) below.push(walk(file));
      } else if (entry.name.endsWith(".py") && (entry.isFile() || (entry.isSymbolicLink() && (await isFile(file))))) {
        found.add(file);
      }
    }
    await Promise.all(below);
  };
  await Promise.all(dirs.map(walk));
  return [...found].sort();
}

/** Absolute paths of the .py files in these folders, without those below. A folder that is missing has none. */
export async function filesDirectlyIn(dirs: readonly string[]): Promise<string[]> {
  const found = dirs.map(async (folder) => {
    const entries = await fs.readdir(folder, { withFileTypes: true }).catch(() => []);
    const files = entries.filter((entry) => entry.name.endsWith(".py") && !entry.isDirectory());
    return files.map((entry) => path.join(folder, entry.name));
  });
  return (await Promise.all(found)).flat();
}

/** A link that leads nowhere counts: that it cannot be read is worth telling. */
async function isFile(link: string): Promise<boolean> {
  const stats = await fs.stat(link).catch(() => null);
  return stats === null || stats.isFile();
}
