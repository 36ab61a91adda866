// What main.ts gives to the commands: the running parts behind interfaces, so that no command names an adapter.
import type { Bus } from "../core/bus.ts";
import type { CatalogView } from "../catalog/catalog.ts";
import type { Config } from "../config/config.ts";
import type { Engine } from "../engine/contract.ts";
import type { Discovery, WorkflowHost } from "../ports/host.ts";
import type { Store } from "../ports/store.ts";
import type { Watcher } from "../ports/watcher.ts";
import type { Bench } from "../scenarios/bench.ts";
import type { DatabaseTools } from "./database-tools.ts";

export interface RuntimeOptions {
  /** Work on runs; false: only the store and the API, for commands that look or enqueue. */
  readonly work: boolean;
  /** Make scheduled runs; as `work` when absent. */
  readonly schedule?: boolean;
  /** Load the workflow folders; implied by work. */
  readonly load: boolean;
  /** Reload when files change. */
  readonly watch: boolean;
  readonly mode: "dev" | "local" | "serve";
  /** Start a Postgres of the project's own first; its address becomes DATABASE_URL. */
  readonly privatePostgres?: boolean;
}

/** The engine with everything it stands on, not listening yet. */
export interface Runtime {
  readonly config: Config;
  readonly store: Store;
  readonly engine: Engine;
  readonly catalog: CatalogView;
  readonly bus: Bus;
  readonly host: WorkflowHost;
  /** The engine's time, which a person may have moved. */
  now(): number;
  /** Whether messages leave: to Slack, or into the outbox only. */
  readonly slack: "live" | "outbox";
  /** The API without a socket. */
  fetch(request: Request): Promise<Response>;
  /** Runs taken over from an earlier process that ended without giving them back. */
  readonly takenOver: number;
  /** Opens the port. moveOn: a taken port moves on to the next. probesOnly: nothing but health and metrics is answered. */
  listen(options: {
    readonly moveOn: boolean;
    readonly probesOnly?: boolean;
  }): Promise<{ readonly url: string; readonly port: number }>;
  /** Gives running work back, ends the host processes and closes the store. */
  close(): Promise<void>;
}

/** What can be seen of a store from outside. */
export interface StoreReport {
  readonly kind: "sqlite" | "postgres";
  readonly location: string;
  /** Version of the database program, for example SQLite's. */
  readonly version: string;
  readonly schema: number;
  /** The newest schema this program knows; below `schema` the store is newer than the program. */
  readonly knownSchema: number;
  readonly bytes: number;
  readonly tasks: Readonly<Record<string, number>>;
  /** The process that has the store now; null: none, or as many as are started (Postgres). */
  readonly ownerPid: number | null;
  /** Postgres: whose schema "absurd" it is. */
  readonly absurd?: { readonly origin: "genuine" | "chiron" | "none"; readonly version: string | null };
  /** Postgres: tasks of each queue by state. */
  readonly queues?: readonly { readonly queue: string; readonly tasks: Readonly<Record<string, number>> }[];
  /** Postgres: runs that some process holds now. */
  readonly claims?: number;
  /** Postgres: connections of Chiron's processes. */
  readonly connections?: number;
}

export interface TestBench extends Bench {
  /** What the workflow folders hold. Rejects with ChironError when they cannot be loaded at all. */
  loaded(): Promise<Discovery>;
  /** Ends the processes and removes the stores that are not kept. */
  close(): Promise<void>;
}

export interface Wiring {
  /** Looks at the store beside whoever owns it; creates and changes nothing. Null: there is none yet. Throws ChironError store_corrupt. */
  inspectStore(config: Config): Promise<StoreReport | null>;
  /** A consistent copy of a store that another process may own and write to meanwhile; that process is not disturbed. Throws ChironError. */
  copyStore(config: Config, target: string): Promise<void>;
  /** Throws ChironError store_owned when another process has the store. */
  openRuntime(config: Config, options: RuntimeOptions): Promise<Runtime>;
  /** Only the interpreter, for doctor and check. */
  findPython(config: Config): Promise<{ readonly path: string; readonly version: string }>;
  /** Runs the static analysis of `chiron check` in that interpreter and answers its JSON document. */
  analyse(config: Config, dirs: readonly string[]): Promise<string>;
  /** For `chiron test`: engines on these folders' code, each with an empty store and a clock of its own. `keepDir`: where a store goes that is kept. */
  openBench(config: Config, keepDir: string): Promise<TestBench>;
  /** Tells of changed files, for commands that watch. */
  createWatcher(): Watcher;
  readonly database: DatabaseTools;
  readonly version: string;
  /** The folder with the files this program carries: sample workflows, host script. */
  readonly assets: string;
}
