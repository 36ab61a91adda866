// Immutable copies of workflow code: each file's bytes under their hash, each generation a manifest of path -> hash. A generation's processes
// import from here, so a file that changes on disk never changes under them. Content decides, never times or sizes.
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { ChironError, messageOf } from "../../src/core/errors.ts";
import { sha256Of } from "../../src/core/source-code.ts";
import type { KeptGeneration, Sources } from "../../src/ports/host.ts";
import { filesDirectlyIn, pythonFiles } from "./source-walk.ts";

export interface Captured {
  /** Absolute path -> sha256. */
  readonly files: ReadonlyMap<string, string>;
  /** Those of the folders themselves. */
  readonly inside: ReadonlySet<string>;
  readonly unreadable: readonly { readonly path: string; readonly message: string }[];
}

/** An empty file this old is meant to be empty, in ms. */
const SETTLED_MS = 100;
const SETTLE_PAUSE_MS = 10;
/** Open files at a time while a folder is read. */
const READERS = 32;
/** Manifests of earlier generations that are kept. */
const KEPT_MANIFESTS = 200;
/** Files of a kept generation that are asked for at a time. */
const FETCHED_AT_ONCE = 100;

/** Id of the code that these files are: equal for equal content under equal paths. */
export function generationId(files: ReadonlyMap<string, string>): string {
  const hash = createHash("sha256");
  for (const file of [...files.keys()].sort()) hash.update(`${file}\0${files.get(file)}\n`);
  return hash.digest("hex");
}

export class SourceStore {
  readonly blobs: string;
  readonly #root: string;
  readonly #stored = new Set<string>();

  /** `root` is made when it is first needed. */
  constructor(root: string) {
    this.#root = root;
    this.blobs = path.join(root, "blobs");
  }

  /** Copies the .py files of the folders as they are now, those directly in `flatDirs`, and `others` that still exist. */
  async capture(
    dirs: readonly string[],
    walkAll: boolean,
    others: Iterable<string> = [],
    flatDirs: readonly string[] = [],
  ): Promise<Captured> {
    await fs.mkdir(this.blobs, { recursive: true, mode: 0o700 });
    const inside = new Set([...(await pythonFiles(dirs, walkAll)), ...(await filesDirectlyIn(flatDirs))]);
    const extra = new Set(others);
    for (const file of inside) extra.delete(file);
    const files = new Map<string, string>();
    const unreadable: { path: string; message: string }[] = [];
    const pending = [...inside, ...extra];
    const read = async (): Promise<void> => {
      for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
        try {
          files.set(file, await this.#keep(await readSettled(file)));
        } catch (error) {
          if (!extra.has(file)) unreadable.push({ path: file, message: messageOf(error) });
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(READERS, pending.length) }, read));
    return { files, inside, unreadable };
  }

  /** Writes which files make up a generation and answers the manifest's path. */
  async writeManifest(id: string, files: ReadonlyMap<string, string>): Promise<string> {
    const manifest = path.join(this.#root, `${id}.json`);
    await writeWhole(manifest, JSON.stringify({ files: Object.fromEntries(files) }));
    return manifest;
  }

  async removeManifest(id: string): Promise<void> {
    await fs.rm(path.join(this.#root, `${id}.json`), { force: true });
  }

  /** Forgets the oldest generations beyond a limit, and the blobs and byte code that only they used. */
  async prune(keep = KEPT_MANIFESTS): Promise<void> {
    const names = (await fs.readdir(this.#root).catch(() => [])).filter((name) => name.endsWith(".json"));
    if (names.length <= keep) return;
    const aged = await Promise.all(
      names.map(async (name) => ({ name, at: (await fs.stat(path.join(this.#root, name))).mtimeMs })),
    );
    aged.sort((a, b) => b.at - a.at);
    const used = new Set<string>();
    for (const { name } of aged.slice(0, keep)) {
      const { files } = JSON.parse(await fs.readFile(path.join(this.#root, name), "utf8")) as {
        files: Record<string, string>;
      };
      for (const hash of Object.values(files)) used.add(hash);
    }
    for (const { name } of aged.slice(keep)) await fs.rm(path.join(this.#root, name), { force: true });
    for (const name of await fs.readdir(this.blobs).catch(() => [])) {
      if (!used.has(name.slice(0, 64))) await fs.rm(path.join(this.blobs, name), { force: true });
    }
  }

  /** Makes the content of a generation's files be here. Throws ChironError not_found. */
  async fetch(kept: KeptGeneration, sources: Sources): Promise<void> {
    await fs.mkdir(this.blobs, { recursive: true, mode: 0o700 });
    const hashes = [...new Set(Object.values(kept.files))];
    const here = await Promise.all(hashes.map(async (hash) => (await this.#blob(hash)) !== null));
    const absent = new Set(hashes.filter((_, index) => !here[index]));
    while (absent.size > 0) {
      const wanted = [...absent].slice(0, FETCHED_AT_ONCE);
      // Content is kept under its own hash, whatever it was said to be.
      for (const { content } of await sources(wanted)) absent.delete(await this.#keep(Buffer.from(content)));
      const missing = wanted.find((hash) => absent.has(hash));
      if (missing === undefined) continue;
      const file = Object.keys(kept.files).find((name) => kept.files[name] === missing);
      throw new ChironError("not_found", `the content of ${file} of generation ${kept.id} is not kept any more`);
    }
  }

  /** The content with this hash: a copy that was made here, else what the file still holds. */
  async read(hash: string, file: string): Promise<Buffer | null> {
    const copy = await this.#blob(hash);
    if (copy !== null) return copy;
    const content = await fs.readFile(file).catch(() => null);
    return content !== null && sha256Of(content) === hash ? content : null;
  }

  async #blob(hash: string): Promise<Buffer | null> {
    const content = await fs.readFile(path.join(this.blobs, hash)).catch(() => null);
    return content !== null && sha256Of(content) === hash ? content : null;
  }

  async #keep(content: Buffer): Promise<string> {
    const hash = sha256Of(content);
    if (this.#stored.has(hash)) return hash;
    const blob = path.join(this.blobs, hash);
    // A blob of another size is what a power loss left behind.
    const size = await fs.stat(blob).then(
      (stats) => stats.size,
      () => -1,
    );
    if (size !== content.length) await writeWhole(blob, content);
    this.#stored.add(hash);
    return hash;
  }
}

/** The file appears under its name with all of its content or not at all. */
async function writeWhole(file: string, content: string | Buffer): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  await fs.writeFile(temporary, content, { flag: "wx", mode: 0o600 });
  await fs.rename(temporary, file);
}

/**
 * A save often empties a file before it writes it. One that is empty and was touched this moment is looked at again until it is neither.
 * The inode's change time counts, because a copy that keeps times sets the other one back.
 */
async function readSettled(file: string): Promise<Buffer> {
  for (;;) {
    const content = await fs.readFile(file);
    if (content.length > 0) return content;
    const { size, ctimeMs } = await fs.stat(file);
    if (size === 0 && Date.now() - ctimeMs > SETTLED_MS) return content;
    await pause(SETTLE_PAUSE_MS);
  }
}
