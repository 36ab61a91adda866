// The processes of one generation. A run goes to the process with the fewest runs whose loop moves; a workflow that was caught holding a loop,
// and a run whose process died among neighbours, get a process of their own. A process that is known to be held is sent no run, so a run
// that finds no place was never begun and can be given back without a doubt.
import { ChironError, messageOf } from "../../src/core/errors.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { RunEnd, RunSession, RunStart } from "../../src/ports/host.ts";
import { SLOW_MS } from "./pulse.ts";
import type { RunProcess, RunProcessEvents } from "./run-process.ts";

export interface PoolOptions {
  /** Starts a process and loads the code in it. Rejects when it does not come up. */
  readonly spawn: (events: RunProcessEvents) => { readonly process: RunProcess; readonly ready: Promise<unknown> };
  /** Shared processes at most; those for single runs come on top. */
  readonly maxProcesses: number;
  readonly onStall: (pid: number, ms: number, where: string) => void;
  readonly onLog: RunProcessEvents["log"];
  readonly onHttp: RunProcessEvents["http"];
}

interface Waiting {
  readonly start: RunStart;
  readonly session: RunSession;
  readonly signal: AbortSignal;
  readonly since: number;
  readonly settle: (end: RunEnd | Promise<RunEnd>) => void;
}

type Kind = "shared" | "solo";

/** A run that found no process for this long is given back. */
const PLACE_WITHIN_MS = 5_000;
const TICK_MS = 1_000;
/** Sleeping runs leave their coroutines behind; a process is exchanged when there are this many … */
const MAX_FROZEN = 500;
/** … or when it has nothing to do for this long and holds any. */
const FROZEN_IDLE_MS = 10_000;
/** Processes for single runs: as many suspects as were in a crashed process may come at once. */
const MAX_SOLO = 8;
const SOLO_IDLE_MS = 10_000;
const EXTRA_IDLE_MS = 60_000;
/** Waits between attempts to start a process that does not come up: doubled up to the second. */
const RESPAWN_MS = 250;
const RESPAWN_CAP_MS = 30_000;
const MAX_SUSPECTS = 10_000;

export class Pool {
  readonly #options: PoolOptions;
  readonly #members = new Map<RunProcess, Kind>();
  readonly #starting = new Map<RunProcess, Kind>();
  readonly #blocking = new Set<string>();
  readonly #suspects = new Set<string>();
  #waiting: Waiting[] = [];
  #closed = false;
  #failures = 0;
  #notBefore = 0;
  #lastFailure = "";
  #timer: NodeJS.Timeout | undefined;
  #answerTimer: NodeJS.Timeout | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  processes(): readonly RunProcess[] {
    return [...this.#members.keys()];
  }

  /** Starts the first process. Rejects when it does not come up. */
  open<T>(begin: (process: RunProcess) => Promise<T>): Promise<T> {
    const { process, ready } = this.#spawn("shared");
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
    return ready.then(() => begin(process));
  }

  run(start: RunStart, session: RunSession, signal: AbortSignal): Promise<RunEnd> {
    if (signal.aborted) return Promise.resolve({ kind: "dropped" });
    if (this.#closed) return Promise.resolve({ kind: "not_started", reason: "the code's generation has ended" });
    const { promise, resolve } = Promise.withResolvers<RunEnd>();
    const waiting = { start, session, signal, since: performance.now(), settle: resolve };
    // The common case makes no detour through the queue.
    if (this.#waiting.length > 0 || !this.#place(waiting)) {
      this.#waiting.push(waiting);
      const leave = (): void => this.#give(waiting, { kind: "dropped" });
      signal.addEventListener("abort", leave, { once: true });
      void promise.then(() => signal.removeEventListener("abort", leave));
      this.#provide();
    }
    return promise;
  }

  /** A call outside every run, in the process with the fewest of them. */
  async callTool(tool: string, method: string, args: JsonText): Promise<JsonText> {
    const process = this.#leastLoaded() ?? [...this.#members.keys()].find((one) => one.open);
    if (!process) throw new ChironError("unavailable", `tool ${tool}.${method}: no Python process is ready to call it`);
    return process.callTool(tool, method, args);
  }

  async retire(): Promise<void> {
    this.#close("the code's generation has ended");
    await Promise.all([...this.#all()].map((process) => process.retire()));
  }

  async kill(): Promise<void> {
    this.#close("the runtime stops");
    const processes = [...this.#all()];
    for (const process of processes) process.kill();
    await Promise.all(processes.map((process) => process.ended));
  }

  #close(reason: string): void {
    this.#closed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#answerTimer);
    for (const waiting of this.#waiting.slice()) this.#give(waiting, { kind: "not_started", reason });
  }

  *#all(): Generator<RunProcess> {
    yield* this.#members.keys();
    yield* this.#starting.keys();
  }

  #give(waiting: Waiting, end: RunEnd): void {
    const at = this.#waiting.indexOf(waiting);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    waiting.settle(end);
  }

  #isSolo(start: RunStart): boolean {
    return this.#blocking.has(start.workflowName) || this.#suspects.has(start.runId);
  }

  /** Hands the run to a process, if one fits. */
  #place(waiting: Waiting): boolean {
    const { start, session, signal } = waiting;
    const solo = this.#isSolo(start);
    const process = solo ? this.#freeSolo() : this.#leastLoaded();
    if (!process) return false;
    const ended = process.run(start, session, signal);
    if (solo) void ended.then((end) => end.kind !== "crashed" && this.#suspects.delete(start.runId));
    // Waits were seen in this process: the next run may find another.
    if (!solo && process.load > 1 && process.pulse.slow) this.#provideShared();
    waiting.settle(ended);
    return true;
  }

  #freeSolo(): RunProcess | undefined {
    for (const [process, kind] of this.#members) {
      if (kind === "solo" && process.open && process.load === 0 && !process.pulse.stalled) return process;
    }
    return undefined;
  }

  #leastLoaded(): RunProcess | undefined {
    let best: RunProcess | undefined;
    for (const [process, kind] of this.#members) {
      if (kind !== "shared" || !process.open || process.pulse.held) continue;
      // A run that is already there may have taken the loop a moment ago: a run sent behind it would wait as long as that one likes.
      if (process.load > 0 && !process.pulse.fresh) process.pulse.probe();
      else if (!best || process.load < best.load) best = process;
    }
    return best;
  }

  #count(kind: Kind, of: ReadonlyMap<RunProcess, Kind>): number {
    let count = 0;
    for (const [process, each] of of) if (each === kind && !process.leaving) count += 1;
    return count;
  }

  /** Starts what the waiting runs need. */
  #provide(): void {
    if (this.#closed || this.#waiting.length === 0) return;
    const solo = this.#waiting.filter((waiting) => this.#isSolo(waiting.start)).length;
    if (solo < this.#waiting.length && !this.#expectsAnswer()) this.#provideShared();
    const coming = this.#count("solo", this.#starting);
    const room = MAX_SOLO - coming - this.#count("solo", this.#members);
    for (let missing = Math.min(room, solo - coming); missing > 0; missing -= 1) this.#trySpawn("solo");
  }

  /** Whether a process was asked a moment ago; looks again when its answer is late. */
  #expectsAnswer(): boolean {
    const expected = [...this.#members].some(([process, kind]) => kind === "shared" && process.pulse.probing);
    if (expected) {
      this.#answerTimer ??= setTimeout(() => {
        this.#answerTimer = undefined;
        this.#pump();
      }, SLOW_MS + 1);
    }
    return expected;
  }

  #provideShared(): void {
    if (this.#closed || this.#count("shared", this.#starting) > 0) return;
    if (this.#count("shared", this.#members) < this.#options.maxProcesses) this.#trySpawn("shared");
  }

  #trySpawn(kind: Kind): void {
    if (performance.now() >= this.#notBefore) this.#spawn(kind).ready.catch(() => undefined);
  }

  #spawn(kind: Kind): { process: RunProcess; ready: Promise<unknown> } {
    const spawned = this.#options.spawn({
      stalled: ({ ms, where, workflowName }) => {
        if (workflowName !== null) this.#blocking.add(workflowName);
        this.#options.onStall(spawned.process.pid, ms, where);
        this.#pump();
      },
      changed: () => this.#changed(spawned.process),
      log: this.#options.onLog,
      http: this.#options.onHttp,
      suspects: (runIds) => this.#suspect(runIds),
    });
    this.#starting.set(spawned.process, kind);
    const ready = spawned.ready.then(
      () => this.#came(spawned.process, kind),
      (error: unknown) => this.#failed(spawned.process, error),
    );
    return { process: spawned.process, ready };
  }

  #came(process: RunProcess, kind: Kind): void {
    this.#starting.delete(process);
    this.#failures = 0;
    if (process.gone) return;
    this.#members.set(process, kind);
    if (this.#closed) void process.retire();
    this.#pump();
  }

  #failed(process: RunProcess, error: unknown): never {
    this.#starting.delete(process);
    process.kill();
    this.#lastFailure = messageOf(error);
    this.#notBefore = performance.now() + Math.min(RESPAWN_CAP_MS, RESPAWN_MS * 2 ** this.#failures);
    this.#failures += 1;
    throw error;
  }

  #suspect(runIds: readonly string[]): void {
    for (const runId of runIds) this.#suspects.add(runId);
    for (const oldest of this.#suspects) {
      if (this.#suspects.size <= MAX_SUSPECTS) return;
      this.#suspects.delete(oldest);
    }
  }

  #changed(process: RunProcess): void {
    if (process.gone) this.#members.delete(process);
    this.#pump();
  }

  /** Places what waits, oldest first; a run that needs a process of its own does not hold up the others. */
  #pump(): void {
    if (this.#waiting.length === 0) return;
    this.#waiting = this.#waiting.filter((waiting) => !this.#place(waiting));
    this.#provide();
  }

  #tick(): void {
    this.#pump();
    const now = performance.now();
    const coming = this.#starting.size > 0;
    for (const waiting of this.#waiting.slice()) {
      if (coming || now - waiting.since < PLACE_WITHIN_MS) continue;
      const reason = this.#failures > 0 ? this.#lastFailure : "every host process is held by another run";
      this.#give(waiting, { kind: "not_started", reason });
    }
    for (const [process, kind] of this.#members) this.#renew(process, kind);
  }

  /** Lets go of a process that is not needed, or that carries too many frozen runs. */
  #renew(process: RunProcess, kind: Kind): void {
    if (!process.open) return;
    const { frozen, idleMs } = process.pulse;
    const others = this.#count("shared", this.#members) - 1;
    if (kind === "solo" && idleMs > SOLO_IDLE_MS) void process.retire();
    else if (kind === "shared" && others > 0 && idleMs > EXTRA_IDLE_MS) void process.retire();
    else if (frozen > MAX_FROZEN || (frozen > 0 && idleMs > FROZEN_IDLE_MS)) {
      if (kind === "solo" || others > 0) void process.retire();
      else this.#exchange(process);
    }
  }

  /** The new process first, so that a run never waits for one. */
  #exchange(old: RunProcess): void {
    if (this.#starting.size > 0 || performance.now() < this.#notBefore) return;
    this.#spawn("shared").ready.then(
      () => old.retire(),
      () => undefined,
    );
  }
}
