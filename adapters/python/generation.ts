// One generation: a captured state of the sources and the processes that run it, from discovery to their end.
import type { RuntimeEvent } from "../../src/core/bus.ts";
import { ChironError } from "../../src/core/errors.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { Discovery, GenerationHost, HostStatus } from "../../src/ports/host.ts";
import { readDiscovery, unreadable } from "./discovery.ts";
import type { DiscoverOptions } from "./frames.ts";
import type { LinkOptions } from "./host-link.ts";
import type { Leftovers } from "./leftovers.ts";
import { Pool } from "./pool.ts";
import { describeEnd, type ProcessEnd } from "./process.ts";
import { RunProcess, type Discovered, type RunProcessEvents } from "./run-process.ts";
import { generationId, type Captured, type SourceStore } from "./snapshot.ts";

export interface GenerationDeps {
  readonly link: Omit<LinkOptions, "snapshot">;
  readonly sources: SourceStore;
  readonly leftovers: Leftovers;
  readonly maxProcesses: number;
  readonly onEvent: (event: RuntimeEvent) => void;
  readonly onHttp: (entry: JsonText) => void;
  readonly onOpen: (generation: LoadedGeneration) => void;
  readonly onEnd: (generation: LoadedGeneration) => void;
}

export interface LoadedGeneration {
  readonly host: Pick<GenerationHost, "kill">;
  status(): readonly HostStatus[];
}

/** Starts a process on the captured sources and lets it discover. `keptId`: they are all of a generation that has this id. Rejects with ChironError host_failed; nothing runs then. */
export async function loadGeneration(
  deps: GenerationDeps,
  captured: Captured,
  prefer: Readonly<Record<string, string>>,
  keptId?: string,
): Promise<{ discovery: Discovery; host: GenerationHost }> {
  const skip: Record<string, string> = {};
  for (;;) {
    const generation = new Generation(deps, { prefer, skip: { ...skip } });
    deps.onOpen(generation);
    try {
      return await generation.open(captured, keptId);
    } catch (error) {
      await generation.kill();
      const fatal = fatalImport(error);
      if (fatal === null || skip[fatal.importing] !== undefined) throw error;
      // One file took the process with it; the others load without it (decision D12).
      skip[fatal.importing] = fatal.why;
    }
  }
}

interface FatalImport {
  readonly importing: string;
  readonly why: string;
}

function fatalImport(error: unknown): FatalImport | null {
  const details = error instanceof ChironError ? error.details : {};
  const { importing, why } = details;
  return typeof importing === "string" && typeof why === "string" ? { importing, why } : null;
}

class Generation implements LoadedGeneration, GenerationHost {
  readonly #deps: GenerationDeps;
  readonly #discovering: DiscoverOptions;
  readonly #pool: Pool;
  #id = "";
  #manifest = "";
  #firstDiscovery: Promise<Discovered> | null = null;

  constructor(deps: GenerationDeps, discovering: DiscoverOptions) {
    this.#deps = deps;
    this.#discovering = discovering;
    this.#pool = new Pool({
      spawn: (events) => this.#spawn(events),
      maxProcesses: deps.maxProcesses,
      onStall: (pid, ms, where) => deps.onEvent({ type: "host.stalled", pid, ms, where }),
      onHttp: deps.onHttp,
      onLog: (line) => deps.onEvent({ type: "host.log", ...line, file: line.file ?? null }),
    });
  }

  get host(): GenerationHost {
    return this;
  }

  get watches(): boolean {
    return true;
  }

  get generation(): { readonly id: string } {
    return { id: this.#id };
  }

  /** The first process's discovery names the generation: only now is known which files outside the folders belong to it. */
  async open(captured: Captured, keptId?: string): Promise<{ discovery: Discovery; host: GenerationHost }> {
    const { sources } = this.#deps;
    const guess = keptId ?? generationId(captured.files);
    this.#id = guess;
    this.#manifest = await sources.writeManifest(guess, captured.files);
    const found = await this.#pool.open(() => this.#firstDiscovery!);
    const body = readDiscovery(found.body);
    const inside = [...captured.files].filter(([file]) => captured.inside.has(file));
    const files = new Map([...inside, ...body.files]);
    if (keptId === undefined) {
      this.#id = generationId(files);
      this.#manifest = await sources.writeManifest(this.#id, files);
      if (this.#id !== guess) await sources.removeManifest(guess);
    }
    const discovery: Discovery = {
      generation: { id: this.#id },
      dirs: this.#deps.link.dirs,
      workflows: body.workflows,
      problems: [...body.problems, ...captured.unreadable.map(unreadable)],
      tools: body.tools,
      files,
      ms: found.ms,
    };
    return { discovery, host: this };
  }

  run: GenerationHost["run"] = (start, session, signal) => this.#pool.run(start, session, signal);

  callTool = (tool: string, method: string, args: JsonText): Promise<JsonText> =>
    this.#pool.callTool(tool, method, args);

  async retire(): Promise<void> {
    await this.#pool.retire();
    this.#deps.onEnd(this);
  }

  async kill(): Promise<void> {
    await this.#pool.kill();
    this.#deps.onEnd(this);
  }

  status(): readonly HostStatus[] {
    return this.#pool.processes().map((process) => ({
      pid: process.pid,
      generation: this.#id,
      activeRuns: process.load,
      stalledMs: process.pulse.stalledMs,
    }));
  }

  #spawn(events: RunProcessEvents): { process: RunProcess; ready: Promise<Discovered> } {
    const { link, sources, leftovers, onEvent } = this.#deps;
    const snapshot = { manifest: this.#manifest, blobs: sources.blobs };
    const process = new RunProcess({ ...link, snapshot }, events);
    const { pid } = process;
    if (pid !== 0) {
      leftovers.add(pid);
      onEvent({ type: "host.started", pid, generation: this.#id });
      void process.ended.then((end) => {
        leftovers.remove(pid);
        onEvent({ type: "host.ended", pid, reason: unexpected(end, process) });
      });
    }
    const ready = process.discover(this.#discovering);
    this.#firstDiscovery ??= ready;
    return { process, ready };
  }
}

/** Why it ended, when nobody had asked it to. */
function unexpected(end: ProcessEnd, process: RunProcess): string {
  return end.killed || process.leaving ? "" : describeEnd(end);
}
