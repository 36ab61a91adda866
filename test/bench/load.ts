// Keeps a number of runs in flight and measures a window of it: a run is in flight from its POST until the event stream says that it
// has completed. Only acknowledged runs are remembered.
import { Connection, createRun, EventCounter, type Answer } from "./client.ts";
import { IN_FLIGHT, type Server } from "./server.ts";

export interface LoadOptions {
  readonly warmMs: number;
  readonly measureMs: number;
}

export interface Round {
  readonly runs: number;
  readonly runsPerSecond: number;
  /** CPU per run in ms: the runtime, its Python processes, and this load generator, which is not part of either. */
  readonly runtimeCpuMs: number;
  readonly hostCpuMs: number;
  /** Of a private Postgres and its sessions; 0 without one. */
  readonly databaseCpuMs: number;
  readonly clientCpuMs: number;
  /** Share of one core that the load generator used. */
  readonly clientLoad: number;
  readonly commitsPerRun: number;
}

export class Load {
  readonly #server: Server;
  readonly #request: Buffer;
  readonly #idle: Connection[] = [];
  readonly #all: Connection[] = [];
  readonly #fault = Promise.withResolvers<never>();
  #events: EventCounter | null = null;
  #outstanding = 0;
  #stopped = false;
  #drained: (() => void) | null = null;
  #goal: { readonly runs: number; readonly resolve: () => void } | null = null;
  /** Tasks whose POST was answered. */
  readonly acknowledged: string[] = [];
  completed = 0;

  private constructor(server: Server, workflow: string) {
    this.#server = server;
    this.#request = createRun(server.port, workflow);
    this.#fault.promise.catch(() => undefined);
  }

  static async start(server: Server, workflow = "bench_steps"): Promise<Load> {
    const load = new Load(server, workflow);
    const connections = Array.from({ length: IN_FLIGHT }, () => Connection.open(server.port));
    load.#all.push(...(await Promise.all(connections)));
    load.#idle.push(...load.#all);
    load.#events = await EventCounter.open(server.port, {
      "run.completed": (count) => load.#completed(count),
      "run.failed": () => load.#lost(new Error("a run failed; see events.log in the server's folder")),
    });
    load.#events.lost = load.#lost;
    load.#pump();
    return load;
  }

  /** Rejects as soon as the server does not answer as it should. */
  get fault(): Promise<never> {
    return this.#fault.promise;
  }

  /** Resolves when this many runs have completed. */
  async reached(runs: number): Promise<void> {
    if (this.completed >= runs) return;
    const reached = new Promise<void>((resolve) => (this.#goal = { runs, resolve }));
    await Promise.race([reached, this.#fault.promise]);
  }

  /** Starts nothing new and waits until everything in flight has completed. */
  async drain(): Promise<void> {
    this.#stopped = true;
    if (this.#outstanding > 0) {
      const drained = new Promise<void>((resolve) => (this.#drained = resolve));
      await Promise.race([drained, this.#fault.promise]);
    }
    this.close();
  }

  close(): void {
    this.#stopped = true;
    this.#events?.close();
    for (const connection of this.#all) connection.close();
  }

  /** One window of the load, after a warm-up. */
  async measure({ warmMs, measureMs }: LoadOptions): Promise<Round> {
    await this.#while(warmMs);
    const before = await this.#look();
    await this.#while(measureMs);
    const after = await this.#look();
    const runs = after.completed - before.completed;
    const seconds = (after.at - before.at) / 1_000;
    const clientMs = after.client - before.client;
    return {
      runs,
      runsPerSecond: runs / seconds,
      runtimeCpuMs: (after.runtime - before.runtime) / runs,
      hostCpuMs: (after.hosts - before.hosts) / runs,
      databaseCpuMs: (after.database - before.database) / runs,
      clientCpuMs: clientMs / runs,
      clientLoad: clientMs / (after.at - before.at),
      commitsPerRun: (after.commits - before.commits) / runs,
    };
  }

  async #look() {
    const commits = await this.#server.metric("chiron_store_commits_total");
    const { user, system } = process.cpuUsage();
    const client = (user + system) / 1_000;
    return { at: performance.now(), completed: this.completed, commits, client, ...this.#server.cpu() };
  }

  async #while(ms: number): Promise<void> {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, ms)), this.#fault.promise]);
  }

  readonly #lost = (error: Error): void => {
    if (!this.#stopped) this.#fault.reject(error);
  };

  #completed(count: number): void {
    this.completed += count;
    this.#outstanding -= count;
    if (this.#outstanding === 0) this.#drained?.();
    if (this.#goal && this.completed >= this.#goal.runs) this.#goal.resolve();
    this.#pump();
  }

  #pump(): void {
    while (!this.#stopped && this.#outstanding < IN_FLIGHT) {
      const connection = this.#idle.pop();
      if (!connection) return;
      this.#outstanding += 1;
      connection.send(this.#request, (answer) => this.#answered(connection, answer), this.#lost);
    }
  }

  #answered(connection: Connection, { status, body }: Answer): void {
    if (status >= 300) return this.#fault.reject(new Error(`POST answered ${status}: ${body}`));
    const at = body.indexOf('"task_id":"') + 11;
    this.acknowledged.push(body.slice(at, at + 36));
    this.#idle.push(connection);
    this.#pump();
  }
}

/** A whole server's life for one round of load. */
export async function loadOnce(start: () => Promise<Server>, options: LoadOptions): Promise<Round> {
  const server = await start();
  try {
    const load = await Load.start(server);
    const round = await load.measure(options);
    await load.drain();
    return round;
  } finally {
    await server.stop();
  }
}
