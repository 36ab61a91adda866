// Sees to it that the code of a run is kept before the run begins: every generation that comes into service is recorded, and nothing is
// claimed until that is committed. Code that is too large to be kept is said so once, and runs all the same.
import type { Bus } from "../core/bus.ts";
import { ChironError } from "../core/errors.ts";
import { checkAddition, LARGEST_SOURCE_BYTES } from "../core/source-code.ts";
import type { KeptGeneration } from "../ports/host.ts";
import type { CodeStore, NewGeneration, Source } from "../ports/store-code.ts";

/** Content that goes to the store in one call. */
const UPLOAD_BYTES = LARGEST_SOURCE_BYTES;

export interface CodeRecordsDeps {
  readonly store: { readonly code: CodeStore };
  readonly bus: Bus;
  /** The content of a file that was loaded here; null: it is not there any more. */
  readonly source: (sha256: string, path: string) => Promise<Uint8Array | null>;
  readonly versions: () => Promise<{ readonly chironVersion: string; readonly pythonVersion: string }>;
}

export class CodeRecords {
  readonly #deps: CodeRecordsDeps;
  readonly #served = new Map<string, KeptGeneration>();
  #queue: KeptGeneration[] = [];
  #recording: Promise<void> | null = null;

  constructor(deps: CodeRecordsDeps) {
    this.#deps = deps;
  }

  /** This generation serves from now on. */
  add(generation: KeptGeneration): void {
    this.#served.set(generation.id, generation);
    this.#queue.push(generation);
    // Begun at once, so that nothing has to wait for it; who has to is told of its failure.
    this.pending()?.catch(() => undefined);
  }

  /** Settles when all that was added is recorded, rejects while the store cannot; null: all is. */
  pending(): Promise<void> | null {
    if (this.#queue.length === 0) return null;
    this.#recording ??= this.#drain().finally(() => (this.#recording = null));
    return this.#recording;
  }

  /** Forgets what is not served any more, and tells the store what is: it is kept while nothing has run on it yet. */
  async prune(serving: ReadonlySet<string>, idleMs: number): Promise<void> {
    await this.pending();
    for (const id of this.#served.keys()) if (!serving.has(id)) this.#served.delete(id);
    const { missing } = await this.#deps.store.code.prune({ serving: [...this.#served.keys()], idleMs });
    for (const id of missing) this.add(this.#served.get(id)!);
    await this.pending();
  }

  async #drain(): Promise<void> {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      await this.#record(next);
      this.#queue.shift();
    }
  }

  async #record(generation: KeptGeneration): Promise<void> {
    try {
      await this.#upload({ ...generation, ...(await this.#deps.versions()) });
    } catch (error) {
      if (!(error instanceof ChironError && error.code === "too_large")) throw error;
      this.#served.delete(generation.id);
      const { message, hint } = error;
      const why = hint === undefined ? message : `${message}. ${hint}`;
      this.#deps.bus.publish({ type: "code.unkept", generation: generation.id, message: why });
    }
  }

  /** Only content that the store does not have goes there. */
  async #upload(generation: NewGeneration): Promise<void> {
    const { code } = this.#deps.store;
    const files = { ...generation.files };
    const manifest = { ...generation, files };
    let bytes = 0;
    let answer = await code.record(manifest, []);
    while (!answer.ok) {
      const added = await this.#read(files, answer.missing);
      bytes += sizeOf(added);
      checkAddition(generation.id, bytes);
      answer = await code.record(manifest, added);
    }
  }

  /** As much of the missing content as one call takes. A file that is gone leaves the manifest: another machine imports what it has there. */
  async #read(files: Record<string, string>, missing: readonly string[]): Promise<Source[]> {
    const found: Source[] = [];
    for (const sha256 of missing) {
      const paths = Object.keys(files).filter((path) => files[path] === sha256);
      const content = await this.#deps.source(sha256, paths[0]!);
      if (content === null) for (const path of paths) delete files[path];
      else found.push({ sha256, content });
      if (sizeOf(found) >= UPLOAD_BYTES) break;
    }
    return found;
  }
}

function sizeOf(sources: readonly Source[]): number {
  return sources.reduce((sum, { content }) => sum + content.length, 0);
}
