// Generations that serve no longer, alive for the tasks that began on them: those that were replaced here, and those that the store kept,
// loaded again when a run asks. They are few at a time, each is loaded once however many runs ask, and one that nobody uses ends.
import type { Bus } from "../core/bus.ts";
import { ChironError, messageOf, type ErrorCode } from "../core/errors.ts";
import type { OlderCode } from "../engine/task-code.ts";
import type { Clock } from "../ports/clock.ts";
import type { Discovery, GenerationHost, WorkflowHost } from "../ports/host.ts";
import type { CodeStore } from "../ports/store-code.ts";

/** Each has a Python process or two: what a machine that serves has room for beside its own. */
const MOST = 4;
/** Without a run for this long one ends; loading it again costs a fraction of a second. */
const IDLE_MS = 60_000;
/** A place is not taken from a generation that was asked for within this time. */
const FRESH_MS = 2_000;
/** A generation whose process did not come up this often cannot be had. */
const MOST_FAILURES = 3;
/** … until this much later. */
const FAILED_FOR_MS = 600_000;

export interface OlderDeps {
  readonly host: Pick<WorkflowHost, "open">;
  readonly store: { readonly code: Pick<CodeStore, "get" | "sources"> };
  readonly bus: Bus;
  readonly clock: Clock;
}

type Loaded = { readonly host: GenerationHost; readonly discovery: Pick<Discovery, "workflows" | "problems"> };

interface Entry {
  readonly id: string;
  readonly loaded: Promise<Loaded>;
  isLoading: boolean;
  readonly ending: AbortController;
  runs: number;
  usedAt: number;
}

export class OlderGenerations {
  readonly #deps: OlderDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #failures = new Map<string, { count: number; readonly untilMs: number }>();
  readonly #ends = new Set<Promise<void>>();
  #closed = false;

  constructor(deps: OlderDeps) {
    this.#deps = deps;
  }

  ids(): Iterable<string> {
    return this.#entries.keys();
  }

  /** The workflow of this generation, which is loaded if need be. Rejects while the store cannot say. */
  async find(generation: string, workflowName: string): Promise<OlderCode> {
    const failed = this.#failureOf(generation);
    if (failed !== null) return { kind: "gone", reason: failed };
    const entry = this.#entries.get(generation) ?? (this.#makeRoom() ? this.#open(generation) : null);
    if (entry === null) return { kind: "later", reason: `${MOST} older generations are at work here` };
    entry.usedAt = this.#deps.clock.now();
    let loaded: Loaded;
    try {
      loaded = await entry.loaded;
    } catch (error) {
      return this.#refused(generation, error);
    }
    const { workflows, problems } = loaded.discovery;
    const workflow = workflows.find((one) => one.workflowName === workflowName);
    if (workflow) {
      return { kind: "here", runnable: { workflowName, host: this.#counted(entry, loaded.host), inputSchema: null } };
    }
    const problem = problems.find((one) => one.workflowName === workflowName && one.severity === "error");
    return {
      kind: "gone",
      reason: problem ? `${problem.path}: ${problem.message}` : `it has no workflow ${workflowName}`,
    };
  }

  /** Takes over a generation that was replaced here. */
  adopt(loaded: Loaded): void {
    const { id } = loaded.host.generation;
    if (this.#closed || this.#entries.has(id) || !this.#makeRoom()) void loaded.host.retire();
    else this.#enter(id, Promise.resolve(loaded));
  }

  /** Lets everything go; the host ends the processes. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#entries.values()) entry.ending.abort();
    this.#entries.clear();
    await Promise.all(this.#ends);
  }

  #open(generation: string): Entry {
    const loading = this.#load(generation);
    // Counted once, however many runs wait for it.
    loading.then(
      () => this.#failures.delete(generation),
      (error: unknown) => this.#countFailure(generation, error),
    );
    return this.#enter(generation, loading);
  }

  #enter(id: string, loaded: Promise<Loaded>): Entry {
    const entry: Entry = {
      id,
      loaded,
      isLoading: true,
      ending: new AbortController(),
      runs: 0,
      usedAt: this.#deps.clock.now(),
    };
    this.#entries.set(id, entry);
    const end = this.#endWhenIdle(entry).finally(() => this.#ends.delete(end));
    this.#ends.add(end);
    return entry;
  }

  async #load(generation: string): Promise<Loaded> {
    const { host, store, bus, clock } = this.#deps;
    if (!host.open) throw new ChironError("not_found", "the workflow host runs only what the folders hold");
    const kept = await store.code.get(generation);
    if (!kept) throw new ChironError("not_found", "it is not kept any more");
    const started = clock.now();
    const loaded = await host.open(kept, (hashes) => store.code.sources(hashes));
    bus.publish({ type: "code.loaded", generation, ms: clock.now() - started });
    return loaded;
  }

  async #endWhenIdle(entry: Entry): Promise<void> {
    const { clock } = this.#deps;
    const { signal } = entry.ending;
    const loaded = await entry.loaded.catch(() => null);
    entry.isLoading = false;
    if (loaded === null) return this.#remove(entry);
    for (let left = IDLE_MS; left > 0 && !signal.aborted;) {
      await clock.sleep(left, signal);
      left = entry.runs > 0 ? IDLE_MS : entry.usedAt + IDLE_MS - clock.now();
    }
    this.#remove(entry);
    if (!this.#closed) await loaded.host.retire();
  }

  #remove(entry: Entry): void {
    if (this.#entries.get(entry.id) === entry) this.#entries.delete(entry.id);
  }

  /** Ends the one that was unused longest, where all places are taken. */
  #makeRoom(): boolean {
    if (this.#closed) return false;
    if (this.#entries.size < MOST) return true;
    const before = this.#deps.clock.now() - FRESH_MS;
    const idle = [...this.#entries.values()].filter(
      (entry) => !entry.isLoading && entry.runs === 0 && entry.usedAt <= before,
    );
    const [oldest] = idle.toSorted((a, b) => a.usedAt - b.usedAt);
    if (!oldest) return false;
    this.#entries.delete(oldest.id);
    oldest.ending.abort();
    return true;
  }

  /** The same host, with its runs counted. */
  #counted(entry: Entry, host: GenerationHost): GenerationHost {
    const { clock } = this.#deps;
    return {
      generation: host.generation,
      watches: host.watches ?? false,
      retire: () => host.retire(),
      kill: () => host.kill(),
      run: async (start, session, signal) => {
        entry.runs += 1;
        try {
          return await host.run(start, session, signal);
        } finally {
          entry.runs -= 1;
          entry.usedAt = clock.now();
        }
      },
    };
  }

  #countFailure(generation: string, error: unknown): void {
    if (!isCode(error, "host_failed")) return;
    const count = (this.#failures.get(generation)?.count ?? 0) + 1;
    this.#failures.set(generation, { count, untilMs: this.#deps.clock.now() + FAILED_FOR_MS });
  }

  /** What is not kept stays so; a process may come up the next time. */
  #refused(generation: string, error: unknown): OlderCode {
    if (isCode(error, "not_found")) return { kind: "gone", reason: messageOf(error) };
    if (!isCode(error, "host_failed")) throw error;
    const isLast = (this.#failures.get(generation)?.count ?? 0) >= MOST_FAILURES;
    return { kind: isLast ? "gone" : "later", reason: messageOf(error) };
  }

  #failureOf(generation: string): string | null {
    const failure = this.#failures.get(generation);
    if (failure && failure.untilMs <= this.#deps.clock.now()) this.#failures.delete(generation);
    else if (failure && failure.count >= MOST_FAILURES) return "its process did not come up";
    return null;
  }
}

function isCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof ChironError && error.code === code;
}
