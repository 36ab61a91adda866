// Where the bench keeps its stores: a folder on a real disk, because on a memory file system a durable commit costs nothing.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const MEMORY_FILE_SYSTEMS = new Set([0x0102_1994, 0x8584_58f6]);

export interface Place {
  readonly dir: string;
  /** Mount point, device and file system, for a person. */
  readonly where: string;
  remove(): void;
}

/** A new folder under CHIRON_BENCH_DIR, else under the first of the usual places that is on a disk. Throws when none is. */
export function makePlace(): Place {
  const asked = process.env["CHIRON_BENCH_DIR"];
  const parent = asked ?? [os.tmpdir(), "/var/tmp", process.cwd()].find((dir) => fs.existsSync(dir) && isOnDisk(dir));
  if (parent === undefined) throw new Error("no folder on a disk found; name one in CHIRON_BENCH_DIR");
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(parent, "chiron-bench-")));
  return {
    dir,
    where: `${parent} (${describe(dir)}${isOnDisk(dir) ? "" : ": memory, so durable commits look free"})`,
    remove: () => fs.rmSync(dir, { recursive: true, force: true }),
  };
}

function isOnDisk(dir: string): boolean {
  return !MEMORY_FILE_SYSTEMS.has(fs.statfsSync(dir).type >>> 0);
}

/** The mount that holds the folder: the longest mount point that begins its path. */
function describe(dir: string): string {
  if (!fs.existsSync("/proc/mounts")) return "file system unknown";
  const mounts = fs
    .readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, point]) => point !== undefined && `${dir}/`.startsWith(point === "/" ? "/" : `${point}/`));
  const [device, , type] = mounts.toSorted((a, b) => b[1]!.length - a[1]!.length)[0] ?? ["?", "", "?"];
  return `${type} on ${device}`;
}
