// The code that runs ran on: each generation as a manifest of path -> SHA-256, each file's content once. What a task needs to go on, or a
// replay to begin, when the folders hold something else.

/** One generation of code, as it is kept. */
export interface NewGeneration {
  readonly id: string;
  /** The workflow folders as they were: absolute, resolved. */
  readonly dirs: readonly string[];
  /** Absolute path -> SHA-256 of the content. */
  readonly files: Readonly<Record<string, string>>;
  /** The workflows it serves: name -> path of the file. */
  readonly workflows: Readonly<Record<string, string>>;
  /** Of the Chiron and the Python that served it first. */
  readonly chironVersion: string;
  readonly pythonVersion: string;
}

export interface StoredGeneration extends NewGeneration {
  readonly firstServedAt: number;
  /** When some process last said that it serves it. */
  readonly lastServedAt: number;
}

export interface Source {
  readonly sha256: string;
  readonly content: Uint8Array;
}

/** missing: hashes of the manifest whose content is not here. Nothing but `sources` was kept then. */
export type GenerationRecorded = { readonly ok: true } | { readonly ok: false; readonly missing: readonly string[] };

export interface GenerationUse {
  readonly id: string;
  readonly files: number;
  readonly workflows: number;
  readonly chironVersion: string;
  readonly pythonVersion: string;
  readonly firstServedAt: number;
  readonly lastServedAt: number;
  /** Attempts that ran on it last. */
  readonly runs: number;
  /** Unfinished tasks that are pinned to it. */
  readonly unfinished: number;
}

export interface Pruned {
  readonly generations: number;
  readonly sources: number;
  /** Generations that are served and not kept: whoever has them records them again. */
  readonly missing: readonly string[];
}

export interface CodeStore {
  /** Keeps these sources, and the generation when all of its content is then here; kept before, it is served again now. Throws too_large. */
  record(generation: NewGeneration, sources: readonly Source[]): Promise<GenerationRecorded>;
  get(id: string): Promise<StoredGeneration | null>;
  /** Those that are kept, in no particular order. */
  sources(hashes: readonly string[]): Promise<Source[]>;
  /** Newest first. */
  list(limit: number): Promise<GenerationUse[]>;
  /**
   * Notes that `serving` are served now, then forgets generations that were not for `idleMs`, that no run ran on and no unfinished task is
   * pinned to, and content that nothing refers to for as long.
   */
  prune(request: { readonly serving: readonly string[]; readonly idleMs: number }): Promise<Pruned>;
}
