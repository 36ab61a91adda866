// Tells which Python files changed below the watched folders and beside them, in small batches. A folder may come, go and come again. An
// event only says "look": what the files hold now is read by whoever listens.
import fs from "node:fs/promises";
import path from "node:path";
import { watch, type FSWatcher } from "chokidar";
import type { Watcher } from "../../src/ports/watcher.ts";
import { isOfInterest } from "./interest.ts";

/** A save is several events (temporary file, rename), and an editor saves several files: one reload for all of them. */
const GATHER_MS = 25;
/** A single file is known only after it was read; a change between that and its first watch is this young. */
const YOUNG_MS = 10_000;

/** A watcher that watches nothing yet. */
export function createWatcher(): Watcher {
  return new FileWatcher();
}

class FileWatcher implements Watcher {
  readonly #listeners: ((paths: readonly string[]) => void)[] = [];
  readonly #changed = new Set<string>();
  /** Two, so that exchanging the single files leaves the folders watched without a gap. */
  #folders: FSWatcher | null = null;
  #singles: FSWatcher | null = null;
  #trees: readonly string[] | null = null;
  #files: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  async watch(trees: readonly string[], files: readonly string[]): Promise<void> {
    const roots = trees.map((tree) => path.resolve(tree));
    const singles = files.map((file) => path.resolve(file)).filter((file) => !roots.some((root) => below(root, file)));
    singles.sort();
    const isFirst = this.#trees === null;
    if (this.#trees === null || !equal(roots, this.#trees)) {
      const old = this.#folders;
      this.#trees = roots;
      this.#folders = await this.#open(roots, []);
      await old?.close();
    }
    if (!equal(singles, this.#files)) {
      const old = this.#singles;
      const fresh = isFirst ? [] : singles.filter((file) => !this.#files.includes(file));
      this.#files = singles;
      this.#singles = await this.#open([], singles);
      await old?.close();
      for (const file of fresh) if (await isYoung(file)) this.#note(file);
    }
    if (this.#closed) await this.close();
  }

  onChange(listener: (paths: readonly string[]) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#folders?.close();
    await this.#singles?.close();
  }

  /** Resolves when every change from now on will be noticed. */
  async #open(trees: readonly string[], files: readonly string[]): Promise<FSWatcher | null> {
    const paths = [...trees, ...files];
    if (paths.length === 0) return null;
    const exact = new Set(files);
    const watcher = watch(paths, {
      ignoreInitial: true,
      // A rename over a file is one change here, because events are gathered anyway; chokidar's own wait would only add to it.
      atomic: false,
      ignorePermissionErrors: true,
      ignored: (file, stats) => !isOfInterest(path.resolve(file), stats, trees, exact),
    });
    const ready = new Promise<void>((resolve) => watcher.once("ready", () => resolve()));
    watcher.on("all", (event, file) => {
      // A folder that comes brings its files' own events.
      if (event !== "addDir") this.#note(path.resolve(file));
    });
    // A folder that cannot be watched is one whose changes are not seen; a manual reload still finds them.
    watcher.on("error", () => undefined);
    await ready;
    return watcher;
  }

  #note(file: string): void {
    if (this.#closed) return;
    this.#changed.add(file);
    this.#timer ??= setTimeout(() => this.#tell(), GATHER_MS);
  }

  #tell(): void {
    this.#timer = undefined;
    const paths = [...this.#changed];
    this.#changed.clear();
    for (const listener of this.#listeners) listener(paths);
  }
}

async function isYoung(file: string): Promise<boolean> {
  const stats = await fs.stat(file).catch(() => null);
  return stats === null || Date.now() - stats.mtimeMs < YOUNG_MS;
}

function below(root: string, file: string): boolean {
  return file === root || file.startsWith(root + path.sep);
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}
