// Copies of sources: which files, under which id, and what is forgotten.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { SourceStore, generationId } from "../../adapters/python/snapshot.ts";
import { pythonFiles } from "../../adapters/python/source-walk.ts";

function folder(files: Readonly<Record<string, string>> = {}): string {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-snapshot-"));
  onTestFinished(() => fs.rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
  return root;
}

const names = (root: string, files: Iterable<string>): string[] => [...files].map((file) => path.relative(root, file));

test("the walk takes Python files and leaves out packages, caches and hidden folders", async () => {
  const root = folder({
    "a.py": "",
    "_b.py": "",
    "sub/c.py": "",
    "readme.md": "",
    ".hidden/d.py": "",
    ".venv/lib/e.py": "",
    "node_modules/f.py": "",
    "__pycache__/g.py": "",
    "venv/pyvenv.cfg": "",
    "venv/h.py": "",
  });
  expect(names(root, await pythonFiles([root], false))).toEqual(["_b.py", "a.py", "sub/c.py"]);
  expect(await pythonFiles([root], true)).toHaveLength(8);
});

test("a folder that is merely called venv is code like any other", async () => {
  const root = folder({ "venv/a.py": "" });
  expect(names(root, await pythonFiles([root], false))).toEqual(["venv/a.py"]);
});

test("a link to a file is followed, as a mounted configuration makes them", async () => {
  const root = folder({ "..data/a.py": "1" });
  fs.symlinkSync("..data/a.py", path.join(root, "a.py"));
  expect(names(root, await pythonFiles([root], false))).toEqual(["a.py"]);
});

test("the id depends on paths and bytes, not on order or time", async () => {
  const root = folder({ "a.py": "1", "b.py": "2" });
  const store = new SourceStore(folder());
  const { files } = await store.capture([root], false);
  const reversed = new Map([...files].reverse());
  expect(generationId(reversed)).toBe(generationId(files));
  fs.utimesSync(path.join(root, "a.py"), 1, 1);
  expect(generationId((await store.capture([root], false)).files)).toBe(generationId(files));
  fs.writeFileSync(path.join(root, "a.py"), "3");
  expect(generationId((await store.capture([root], false)).files)).not.toBe(generationId(files));
});

test("every captured file has its bytes under its hash", async () => {
  const root = folder({ "a.py": "one", "b.py": "one", "c.py": "three" });
  const store = new SourceStore(folder());
  const { files } = await store.capture([root], false, [path.join(root, "gone.py")]);
  expect(files.size).toBe(3);
  expect(fs.readdirSync(store.blobs)).toHaveLength(2);
  for (const [file, hash] of files) {
    expect(fs.readFileSync(path.join(store.blobs, hash))).toEqual(fs.readFileSync(file));
  }
});

test("a blob that a power loss cut short is written again", async () => {
  const root = folder({ "a.py": "whole" });
  const state = folder();
  const { files } = await new SourceStore(state).capture([root], false);
  const blob = path.join(state, "blobs", [...files.values()][0]!);
  fs.writeFileSync(blob, "wh");
  await new SourceStore(state).capture([root], false);
  expect(fs.readFileSync(blob, "utf8")).toBe("whole");
});

test("pruning forgets the oldest generations and what only they used", async () => {
  const root = folder({ "a.py": "1", "same.py": "same" });
  const state = folder();
  const store = new SourceStore(state);
  const ids: string[] = [];
  for (const text of ["1", "2", "3"]) {
    fs.writeFileSync(path.join(root, "a.py"), text);
    const { files } = await store.capture([root], false);
    const manifest = await store.writeManifest(generationId(files), files);
    fs.utimesSync(manifest, ids.length + 1, ids.length + 1);
    ids.push(generationId(files));
  }
  await store.prune(2);
  expect(fs.existsSync(path.join(state, `${ids[0]}.json`))).toBe(false);
  expect(fs.existsSync(path.join(state, `${ids[2]}.json`))).toBe(true);
  expect(fs.readdirSync(store.blobs)).toHaveLength(3);
});
