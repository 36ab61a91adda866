// The workflow host on Python: makes generations out of workflow folders. Each load copies the sources, starts a process on the copy and
// lets it discover; what it answers is served by that process and those that join it.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { RuntimeEvent } from "../../src/core/bus.ts";
import { ChironError } from "../../src/core/errors.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type {
  Discovery,
  GenerationHost,
  HostStatus,
  KeptGeneration,
  LoadOptions,
  Sources,
  WorkflowHost,
} from "../../src/ports/host.ts";
import { createBaselineHost } from "./baseline-host.ts";
import { childEnvironment } from "../../src/core/child-environment.ts";
import { loadGeneration, type GenerationDeps, type LoadedGeneration } from "./generation.ts";
import type { HttpRecordings } from "./host-link.ts";
import { findInterpreter, type Interpreter } from "./interpreter.ts";
import { Leftovers } from "./leftovers.ts";
import { SourceStore, generationId } from "./snapshot.ts";

export interface PythonHostOptions {
  readonly dirs: readonly string[];
  /** An interpreter instead of the one that would be found. */
  readonly python?: string;
  /** Absolute path of `workflow-host`. */
  readonly hostScript: string;
  /** A baseline host to drive instead: one process per discovery and per attempt. */
  readonly baselinePath?: string;
  /** Where sources and the record of processes are kept; null: in a folder that `close` removes. */
  readonly stateDir: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Workflow names that may be loaded; null: all. */
  readonly allow: readonly string[] | null;
  readonly walkAll: boolean;
  /** Folders whose files are local tools. Default none. */
  readonly toolDirs?: readonly string[];
  /** HTTP answers of handlers are played from this file, and new ones told. */
  readonly http?: HttpRecordings & { readonly keep: (entry: JsonText) => void };
  /** Shared processes of one generation at most. Default 2. */
  readonly maxProcesses?: number;
  /** Names of environment variables to hand down, instead of all that are not the runtime's own. */
  readonly envAllow?: readonly string[];
  readonly onEvent: (event: RuntimeEvent) => void;
}

const DEFAULT_PROCESSES = 2;

/** A host that has started nothing yet. */
export function createPythonHost(options: PythonHostOptions): WorkflowHost {
  return options.baselinePath === undefined
    ? new PythonHost(options)
    : createBaselineHost({ ...options, baselinePath: options.baselinePath });
}

class PythonHost implements WorkflowHost {
  readonly #options: PythonHostOptions;
  readonly #sources: SourceStore;
  readonly #leftovers: Leftovers;
  readonly #temporary: string | null;
  readonly #live = new Set<LoadedGeneration>();
  /** Files outside the folders that belong to a generation: its id is not known without them. */
  readonly #outside = new Map<string, readonly string[]>();
  #latest = "";
  #interpreter: Promise<Interpreter> | null = null;
  #loading: Promise<unknown> = Promise.resolve();
  #pruned = false;
  #closed = false;

  constructor(options: PythonHostOptions) {
    this.#options = options;
    this.#temporary = options.stateDir === null ? fs.mkdtempSync(path.join(os.tmpdir(), "chiron-sources-")) : null;
    this.#sources = new SourceStore(path.join(options.stateDir ?? this.#temporary!, "sources"));
    this.#leftovers = new Leftovers(options.stateDir);
    for (const pid of this.#leftovers.sweep()) {
      options.onEvent({ type: "host.ended", pid, reason: "it was left behind by an earlier runtime" });
    }
  }

  interpreter(): Promise<Interpreter> {
    this.#interpreter ??= findInterpreter(this.#options).catch((error: unknown) => {
      // A Python that is installed meanwhile is found at the next load.
      this.#interpreter = null;
      throw error;
    });
    return this.#interpreter;
  }

  /** One load at a time: each builds on what the one before found out. */
  load(options: LoadOptions = {}): Promise<{ discovery: Discovery; host: GenerationHost } | null> {
    const loading = this.#loading.then(() => this.#load(options));
    this.#loading = loading.catch(() => undefined);
    return loading;
  }

  async open(kept: KeptGeneration, sources: Sources): Promise<{ discovery: Discovery; host: GenerationHost }> {
    if (this.#closed) throw new ChironError("host_failed", "the workflow host is closed");
    await this.#sources.fetch(kept, sources);
    const files = new Map(Object.entries(kept.files));
    const captured = { files, inside: new Set(files.keys()), unreadable: [] };
    const deps = await this.#generationDeps(kept.dirs);
    const loaded = await loadGeneration(deps, captured, kept.workflows, kept.id);
    if (!this.#closed) return loaded;
    await loaded.host.kill();
    throw new ChironError("host_failed", "the workflow host is closed");
  }

  source(sha256: string, file: string): Promise<Uint8Array | null> {
    return this.#sources.read(sha256, file);
  }

  status(): readonly HostStatus[] {
    return [...this.#live].flatMap((generation) => generation.status());
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#live].map((generation) => generation.host.kill()));
    await this.#loading;
    // A load that was under way when the first pass ran.
    await Promise.all([...this.#live].map((generation) => generation.host.kill()));
    this.#leftovers.clear();
    if (this.#temporary !== null) fs.rmSync(this.#temporary, { recursive: true, force: true });
  }

  async #load({ unless, prefer }: LoadOptions): Promise<{ discovery: Discovery; host: GenerationHost } | null> {
    if (this.#closed) throw new ChironError("host_failed", "the workflow host is closed");
    const { walkAll } = this.#options;
    const dirs = await Promise.all(this.#options.dirs.map(resolved));
    const deps = await this.#generationDeps(dirs);
    if (!this.#pruned) await this.#sources.prune();
    this.#pruned = true;
    const known = this.#outside.get(unless ?? "") ?? this.#outside.get(this.#latest) ?? [];
    const captured = await this.#sources.capture(dirs, walkAll, known, deps.link.toolDirs);
    if (unless !== undefined && this.#outside.has(unless) && generationId(captured.files) === unless) return null;
    const loaded = await loadGeneration(deps, captured, Object.fromEntries(prefer ?? []));
    this.#remember(loaded.discovery, captured.inside);
    return loaded;
  }

  async #generationDeps(dirs: readonly string[]): Promise<GenerationDeps> {
    const { hostScript, env, envAllow, allow, walkAll, toolDirs = [], maxProcesses, http, onEvent } = this.#options;
    const interpreter = await this.interpreter();
    return {
      link: {
        interpreter: interpreter.path,
        hostScript,
        env: childEnvironment(env, envAllow),
        dirs,
        allow,
        walkAll,
        toolDirs: await Promise.all(toolDirs.map(resolved)),
        http: http ? { file: http.file, mode: http.mode } : null,
      },
      sources: this.#sources,
      leftovers: this.#leftovers,
      maxProcesses: maxProcesses ?? DEFAULT_PROCESSES,
      onEvent,
      onHttp: (entry) => http?.keep(entry),
      onOpen: (generation) => this.#live.add(generation),
      onEnd: (generation) => this.#live.delete(generation),
    };
  }

  #remember({ generation, files }: Discovery, inside: ReadonlySet<string>): void {
    this.#outside.set(
      generation.id,
      [...files.keys()].filter((file) => !inside.has(file)),
    );
    this.#latest = generation.id;
    // Generations that nobody serves any more; the newest few are enough to recognise an undone change.
    for (const oldest of this.#outside.keys()) {
      if (this.#outside.size <= 50) break;
      this.#outside.delete(oldest);
    }
  }
}

/** The host resolves links in the folders' paths, and a copy counts under the path that the host looks for. */
async function resolved(dir: string): Promise<string> {
  return fs.promises.realpath(dir).catch(() => path.resolve(dir));
}
