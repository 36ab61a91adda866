// Tells which Python files changed below the watched folders and beside them, in small batches. A folder may come, go and come again. An
// event only says "look": what the files hold now is read by whoever listens.
import path from "node:path";
import { watch, type FSWatcher } from "chokidar";
import type { Watcher } from "../../src/ports/watcher.ts";
import { isOfInterest } from "./interest.ts";

/** A save is several events (temporary file, rename), and an editor saves several files: one reload for all of them. */
const GATHER_MS = 25;

/** A watcher that watches nothing yet. */
export function createWatcher(): Watcher {
  return new FileWatcher();
}

class FileWatcher implements Watcher {
  readonly #listeners: ((paths: readonly string[]) => void)[] = [];
  readonly #changed = new Set<string>();
  #watcher: FSWatcher | null = null;
  #trees: readonly string[] = [];
  #files: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  async watch(trees: readonly string[], files: readonly string[]): Promise<void> {
    if (this.#closed) return;
    const roots = trees.map((tree) => path.resolve(tree));
    const single = files.map((file) => path.resolve(file)).filter((file) => !roots.some((root) => below(root, file)));
    if (this.#watcher && equal(roots, this.#trees)) return this.#replaceFiles(this.#watcher, new Set(single));
    await this.#watcher?.close();
    this.#trees = roots;
    this.#files = new Set(single);
    await this.#open([...roots, ...single]);
  }

  onChange(listener: (paths: readonly string[]) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#watcher?.close();
    this.#watcher = null;
  }

  /** Resolves when every change from now on will be noticed. */
  async #open(paths: string[]): Promise<void> {
    const watcher = watch(paths, {
      ignoreInitial: true,
      // A rename over a file is one change here, because events are gathered anyway; chokidar's own wait would only add to it.
      atomic: false,
      ignorePermissionErrors: true,
      ignored: (file, stats) => !isOfInterest(file, stats, this.#trees, this.#files),
    });
    this.#watcher = watcher;
    const ready = new Promise<void>((resolve) => watcher.once("ready", () => resolve()));
    watcher.on("all", (event, file) => {
      if (watcher === this.#watcher) this.#note(event, path.resolve(file));
    });
    // A folder that cannot be watched is one whose changes are not seen; a manual reload still finds them.
    watcher.on("error", () => undefined);
    await ready;
  }

  async #replaceFiles(watcher: FSWatcher, files: ReadonlySet<string>): Promise<void> {
    const gone = [...this.#files].filter((file) => !files.has(file));
    const fresh = [...files].filter((file) => !this.#files.has(file));
    this.#files = files;
    if (gone.length > 0) watcher.unwatch(gone);
    if (fresh.length > 0) watcher.add(fresh);
  }

  #note(event: string, file: string): void {
    // A folder that comes brings its files' own events; one that goes may take files along that were never seen one by one.
    if (event === "addDir" || (event === "unlinkDir" && !this.#trees.some((tree) => below(tree, file)))) return;
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

function below(root: string, file: string): boolean {
  return file === root || file.startsWith(root + path.sep);
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}
