// Keeps the catalog equal to the folders: loads them, watches them, swaps the catalog as one, and lets go of generations that
// serve nothing any more. One load at a time; changes that arrive meanwhile make exactly one more.
import type { Bus } from "../core/bus.ts";
import { messageOf } from "../core/errors.ts";
import type { Runnable, WorkflowNames } from "../engine/names.ts";
import type { OlderCode } from "../engine/task-code.ts";
import type { Clock } from "../ports/clock.ts";
import type { Discovery, GenerationHost, KeptGeneration, WorkflowHost } from "../ports/host.ts";
import type { Watcher } from "../ports/watcher.ts";
import type { ScheduleOptions } from "./declarations/schedule.ts";
import { EMPTY_CATALOG, type Catalog, type CatalogView } from "./catalog.ts";
import { diffCatalogs } from "./diff.ts";
import { keptGeneration } from "./kept-generation.ts";
import { mergeCatalog } from "./merge.ts";
import type { OlderGenerations } from "./older-generations.ts";

export interface LoaderDeps {
  readonly host: WorkflowHost;
  /** Null: the folders are loaded once and on request. */
  readonly watcher: Watcher | null;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly dirs: readonly string[];
  /** Folders of local tools, which are watched too. */
  readonly toolDirs?: readonly string[];
  readonly schedules: Omit<ScheduleOptions, "now">;
  /** Told of each generation before it serves, so that its code is kept before anything runs on it. */
  readonly keep?: ((generation: KeptGeneration) => void) | undefined;
  /** Takes generations that serve no longer; null: they end when their runs have. */
  readonly replaced?: OlderGenerations | null;
  /** Told which names came (back) into service. */
  readonly served: (names: readonly string[]) => Promise<void>;
}

export class CatalogLoader implements WorkflowNames, CatalogView {
  readonly #deps: LoaderDeps;
  #catalog: Catalog = EMPTY_CATALOG;
  readonly #hosts = new Map<GenerationHost, Discovery>();
  #loading: Promise<void> | null = null;
  /** Reloads asked for, and those whose answer is in the catalog. */
  #asked = 0;
  #answered = 0;
  #loaded = false;
  #closed = false;

  constructor(deps: LoaderDeps) {
    this.#deps = deps;
  }

  current(): Catalog {
    return this.#catalog;
  }

  /** False until the first load ended, well or badly: nothing is claimed before. */
  ready(): boolean {
    return this.#loaded;
  }

  find(workflowName: string): Runnable | undefined {
    return this.#catalog.workflows.get(workflowName);
  }

  generation(): string {
    return this.#catalog.generation;
  }

  /** Every generation that has processes here. */
  *generations(): Iterable<string> {
    for (const host of this.#hosts.keys()) yield host.generation.id;
    yield* this.#deps.replaced?.ids() ?? [];
  }

  /** The workflow of a generation that another one has replaced: still here, or loaded again from what was kept. */
  async older(generation: string, workflowName: string): Promise<OlderCode> {
    for (const [host, { workflows }] of this.#hosts) {
      if (host.generation.id !== generation) continue;
      const found = workflows.some((workflow) => workflow.workflowName === workflowName);
      if (found) return { kind: "here", runnable: { workflowName, host, inputSchema: null } };
    }
    const { replaced } = this.#deps;
    return replaced ? replaced.find(generation, workflowName) : { kind: "gone", reason: "it does not serve any more" };
  }

  all(): Iterable<string> {
    return this.#catalog.workflows.keys();
  }

  /** Whether a file that does not load leaves open which workflow it holds. */
  uncertain(): boolean {
    return this.#catalog.problems.some((problem) => problem.severity === "error" && problem.kind !== "tool");
  }

  async start(): Promise<void> {
    const { watcher } = this.#deps;
    watcher?.onChange(() => void this.reload());
    await watcher?.watch(this.#trees(), []);
    await this.reload();
  }

  /** Answers with a catalog that includes everything that was on disk when it was called. */
  async reload(): Promise<Catalog> {
    const mine = (this.#asked += 1);
    while (this.#answered < mine && !this.#closed) {
      this.#loading ??= this.#load().finally(() => (this.#loading = null));
      await this.#loading;
    }
    return this.#catalog;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#deps.watcher?.close();
    await this.#loading;
    await this.#deps.replaced?.close();
    await this.#deps.host.close();
  }

  async #load(): Promise<void> {
    const covered = this.#asked;
    const { host, bus } = this.#deps;
    const prefer = new Map(
      [...this.#catalog.workflows].map(([name, workflow]): [string, string] => [name, workflow.sourcePath]),
    );
    try {
      const loaded = await host.load({ unless: this.#catalog.generation, prefer });
      if (loaded) await this.#swap(loaded);
    } catch (error) {
      bus.publish({ type: "catalog.failed", message: messageOf(error) });
      this.#keep(messageOf(error));
    } finally {
      this.#answered = covered;
      this.#loaded = true;
    }
  }

  #trees(): readonly string[] {
    return [...this.#deps.dirs, ...(this.#deps.toolDirs ?? [])];
  }

  /** Nothing could be loaded at all: the last catalog stays, with the reason among its problems. */
  #keep(message: string): void {
    const path = this.#deps.dirs[0] ?? ".";
    const problem = { path, line: null, kind: "host", message, severity: "error" } as const;
    const others = this.#catalog.problems.filter((one) => one.kind !== "host");
    this.#catalog = { ...this.#catalog, generation: "", problems: [...others, problem] };
  }

  async #swap(loaded: { readonly discovery: Discovery; readonly host: GenerationHost }): Promise<void> {
    const { bus, clock, schedules, watcher, served } = this.#deps;
    const before = this.#catalog;
    const after = mergeCatalog(before, loaded, { ...schedules, now: clock.now() });
    this.#deps.keep?.(keptGeneration(loaded.discovery));
    this.#catalog = after;
    this.#hosts.set(loaded.host, loaded.discovery);
    const { added, changed, removed, helpers, newProblems, fixed } = diffCatalogs(before, after);
    for (const { path, sourcePath, line, kind, message, severity } of newProblems) {
      const serving = [...after.workflows.values()].some((workflow) => workflow.sourcePath === (sourcePath ?? path));
      bus.publish({ type: "catalog.problem", path, line, kind, message, severity, serving });
    }
    for (const path of fixed) bus.publish({ type: "catalog.fixed", path });
    const { generation, loadMs: ms } = after;
    const problems = after.problems.filter((problem) => problem.severity === "error").length;
    bus.publish({
      type: "catalog.reloaded",
      generation,
      added,
      changed,
      removed,
      helpers,
      problems,
      workflows: after.workflows.size,
      ms,
    });
    this.#letGo();
    await watcher?.watch(this.#trees(), [...after.files.keys()]);
    await served([...added, ...changed]);
  }

  /** Generations that serve no workflow any more end when their runs have, or live on for tasks that are pinned to them. */
  #letGo(): void {
    const { workflows, tools } = this.#catalog;
    const used = new Set([...workflows.values(), ...tools.values()].map((served) => served.host));
    for (const [host, discovery] of this.#hosts) {
      if (used.has(host)) continue;
      this.#hosts.delete(host);
      if (this.#deps.replaced) this.#deps.replaced.adopt({ host, discovery });
      else void host.retire();
    }
  }
}
