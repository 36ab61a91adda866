// The file watcher on real folders: what is told, and what is not.
import { EventEmitter, once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createWatcher } from "../../adapters/fs/watcher.ts";
import type { Watcher } from "../../src/ports/watcher.ts";

interface Watched {
  readonly root: string;
  readonly watcher: Watcher;
  /** Does something and answers the paths of the batch that names this file. */
  readonly told: (file: string, work: () => void) => Promise<readonly string[]>;
  readonly all: string[];
}

async function watching(
  files: Readonly<Record<string, string>> = {},
  singles: readonly string[] = [],
): Promise<Watched> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-watcher-"));
  const root = path.join(folder, "workflows");
  for (const [name, text] of Object.entries(files)) write(path.join(folder, name), text);
  const watcher = createWatcher();
  onTestFinished(async () => {
    await watcher.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const batches = new EventEmitter();
  const all: string[] = [];
  watcher.onChange((paths) => {
    all.push(...paths);
    batches.emit("batch", paths);
  });
  await watcher.watch(
    [root],
    singles.map((single) => path.join(folder, single)),
  );
  const told = async (file: string, work: () => void): Promise<readonly string[]> => {
    const signal = AbortSignal.timeout(5_000);
    let batch = once(batches, "batch", { signal });
    work();
    for (;;) {
      const [paths] = (await batch) as [readonly string[]];
      if (paths.includes(path.join(folder, file))) return paths;
      batch = once(batches, "batch", { signal });
    }
  };
  return { root, watcher, told, all };
}

function write(file: string, text: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

test("a change, a new file, a rename over a file and a deletion are told", async () => {
  const { root, told } = await watching({ "workflows/a.py": "1" });
  await told("workflows/a.py", () => write(path.join(root, "a.py"), "2"));
  await told("workflows/b.py", () => write(path.join(root, "b.py"), "1"));
  await told("workflows/a.py", () => {
    write(path.join(root, "a.py.tmp"), "3");
    fs.renameSync(path.join(root, "a.py.tmp"), path.join(root, "a.py"));
  });
  await told("workflows/a.py", () => fs.rmSync(path.join(root, "a.py")));
});

test("files in new sub-folders are told, also of a tree that was moved in", async () => {
  const { root, told } = await watching({ "workflows/a.py": "1", "elsewhere/deep/c.py": "1" });
  await told("workflows/sub/deep/b.py", () => write(path.join(root, "sub/deep/b.py"), "1"));
  await told("workflows/sub/deep/b.py", () => write(path.join(root, "sub/deep/b.py"), "2"));
  await told("workflows/moved/deep/c.py", () =>
    fs.renameSync(path.join(root, "../elsewhere"), path.join(root, "moved")),
  );
});

test("a folder that does not exist yet, and one that goes and comes again, are followed", async () => {
  const { root, told } = await watching();
  await told("workflows/a.py", () => write(path.join(root, "a.py"), "1"));
  await told("workflows/a.py", () => fs.rmSync(root, { recursive: true }));
  await told("workflows/a.py", () => write(path.join(root, "a.py"), "1"));
  await told("workflows/a.py", () => write(path.join(root, "a.py"), "2"));
});

test("a single file outside the folders is told, also after a rename over it", async () => {
  const { root, told } = await watching({ "workflows/a.py": "1", "shared/lib.py": "1" }, ["shared/lib.py"]);
  const lib = path.join(root, "../shared/lib.py");
  await told("shared/lib.py", () => write(lib, "2"));
  await told("shared/lib.py", () => {
    write(`${lib}.new`, "3");
    fs.renameSync(`${lib}.new`, lib);
  });
  await told("shared/lib.py", () => write(lib, "4"));
});

test("the single files can be exchanged while the folders stay watched", async () => {
  const files = { "workflows/a.py": "1", "shared/one.py": "1", "shared/two.py": "1" };
  const { root, watcher, told, all } = await watching(files, ["shared/one.py"]);
  const shared = path.join(root, "../shared");
  await watcher.watch([root], [path.join(root, "a.py"), path.join(shared, "two.py")]);
  await told("shared/two.py", () => {
    write(path.join(shared, "one.py"), "2");
    write(path.join(shared, "two.py"), "2");
  });
  await told("workflows/a.py", () => write(path.join(root, "a.py"), "2"));
  expect(all).not.toContain(path.join(shared, "one.py"));
});

test("caches, environments, editors' temporary files and other files are not told", async () => {
  const { root, told, all } = await watching({ "workflows/a.py": "1", "workflows/.venv/x.py": "1" });
  for (const name of [
    ".venv/y.py",
    "node_modules/m/z.py",
    "__pycache__/a.py",
    ".#a.py",
    "#a.py#",
    "a.py~",
    "notes.txt",
  ]) {
    write(path.join(root, name), "1");
  }
  await told("workflows/last.py", () => write(path.join(root, "last.py"), "1"));
  expect([...new Set(all)].filter((file) => path.basename(file) !== "last.py")).toEqual([]);
});

test("changes of one moment come as one batch", async () => {
  const { root, told } = await watching({ "workflows/a.py": "1", "workflows/b.py": "1" });
  const paths = await told("workflows/a.py", () => {
    write(path.join(root, "a.py"), "2");
    write(path.join(root, "b.py"), "2");
  });
  expect([...paths].sort()).toEqual([path.join(root, "a.py"), path.join(root, "b.py")]);
});
