// One process that runs many runs of one generation: hands frames to their runs, follows its pulse, and says how each run ended when it
// dies. Spreading runs over processes is the pool's affair.
import { ChironError } from "../../src/core/errors.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import type { RunEnd, RunSession, RunStart } from "../../src/ports/host.ts";
import { crashFailure } from "./crash.ts";
import type { DiscoverOptions, HostFrame, LogFrame, ProcessFrame } from "./frames.ts";
import { LocalCalls } from "./local-calls.ts";
import { HostLink, type LinkOptions } from "./host-link.ts";
import { describeEnd, type ProcessEnd } from "./process.ts";
import { Pulse } from "./pulse.ts";
import { RunChannel } from "./run-channel.ts";

/** A log line that belongs to no run. */
export interface HostLogLine extends Pick<LogFrame, "level" | "source" | "message" | "file"> {
  readonly pid: number;
}

export interface RunProcessEvents {
  /** Some run's code holds the loop; `workflowName` where it is known which. */
  readonly stalled: (stall: {
    readonly ms: number;
    readonly where: string;
    readonly workflowName: string | null;
  }) => void;
  /** A run ended, the loop moves again, or the process is gone: what waits for a place may find one. */
  readonly changed: () => void;
  readonly log: (line: HostLogLine) => void;
  /** An HTTP answer of some handler, to be kept. */
  readonly http: (entry: JsonText) => void;
  /** The process died and took these runs along, without one of them being known to be the cause. */
  readonly suspects: (runIds: readonly string[]) => void;
}

export interface Discovered {
  readonly ms: number;
  readonly body: JsonText;
}

/** A cancelled handler may use this long for its `finally` blocks. */
const CANCEL_ALONE_MS = 2_000;
/** With neighbours in the process it is given longer, because its end is theirs too. */
const CANCEL_SHARED_MS = 5_000;
/** A run that holds the loop longer than this loses its neighbours. Not sooner: what they had under way in a step is done again. */
const HELD_MS = 30_000;
/** A process that was told to exit and has no run left. */
const EXIT_MS = 2_000;
/** Imports that take longer than this do not end. */
export const LOAD_LIMIT_MS = 60_000;

export class RunProcess {
  readonly pulse: Pulse;
  readonly #link: HostLink;
  readonly #events: RunProcessEvents;
  readonly #runs = new Map<number, RunChannel>();
  readonly #tools = new LocalCalls();
  readonly #discovery = Promise.withResolvers<Discovered>();
  #lastNumber = 0;
  #ready = false;
  #leaving = false;
  #gone = false;
  #guilty: RunChannel | null = null;
  #hostError: string | null = null;
  /** The workflow file that is imported now: when the process dies before its discovery, this one ended it. */
  #importing: string | null = null;

  constructor(options: LinkOptions, events: RunProcessEvents) {
    this.#events = events;
    this.#link = new HostLink(options, {
      frame: (frame, raws) => this.#frame(frame, raws),
      stray: (stream, line) => this.#stray(stream, line),
    });
    this.pulse = new Pulse((at) => this.#link.send({ t: "ping", at }));
    this.#discovery.promise.catch(() => undefined);
    void this.#link.ended.then((end) => this.#end(end));
  }

  get pid(): number {
    return this.#link.pid;
  }

  get load(): number {
    return this.#runs.size;
  }

  /** Whether it takes runs: its code is loaded and it is not on its way out. */
  get open(): boolean {
    return this.#ready && !this.#leaving && !this.#gone;
  }

  get leaving(): boolean {
    return this.#leaving;
  }

  get gone(): boolean {
    return this.#gone;
  }

  get ended(): Promise<ProcessEnd> {
    return this.#link.ended;
  }

  /** Imports the workflow files and answers what they declare. Rejects with ChironError host_failed. */
  async discover(options: DiscoverOptions): Promise<Discovered> {
    const timer = setTimeout(() => {
      this.#hostError ??= `no discovery within ${LOAD_LIMIT_MS / 1_000} s${this.pulse.where ? `; stuck at ${this.pulse.where}` : ""}`;
      this.kill();
    }, LOAD_LIMIT_MS);
    this.#link.send({ t: "discover", ...options });
    try {
      const found = await this.#discovery.promise;
      this.#ready = true;
      return found;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs one attempt to its end. Only while `open`. */
  run(start: RunStart, session: RunSession, signal: AbortSignal): Promise<RunEnd> {
    const run = new RunChannel(++this.#lastNumber, start, session, (frame, raws) => this.#link.send(frame, raws));
    this.#runs.set(run.number, run);
    let timer: NodeJS.Timeout | undefined;
    const stop = (): void => {
      run.cancel();
      timer = setTimeout(() => {
        if (this.#runs.size === 1) this.#killFor(run);
        else timer = setTimeout(() => this.#killFor(run), CANCEL_SHARED_MS - CANCEL_ALONE_MS);
      }, CANCEL_ALONE_MS);
    };
    signal.addEventListener("abort", stop, { once: true });
    this.pulse.start();
    run.begin();
    return run.ended.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      this.#forget(run);
    });
  }

  /** Calls a local tool outside every run. Rejects with ChironError. Only while `open`. */
  callTool(tool: string, method: string, args: JsonText): Promise<JsonText> {
    const q = ++this.#lastNumber;
    return this.#tools.ask(q, () => this.#link.send({ t: "tool", r: null, q, tool, method }, [args]));
  }

  /** Takes no more runs; ends when the active ones have. */
  async retire(): Promise<void> {
    if (!this.#leaving) {
      this.#leaving = true;
      this.#exitWhenIdle();
    }
    await this.#link.ended;
  }

  /** Ends the process and everything it started. Its runs are given back. */
  kill(): void {
    this.#leaving = true;
    this.#link.kill();
  }

  #killFor(run: RunChannel): void {
    if (!this.#runs.has(run.number)) return;
    this.#guilty = run;
    this.kill();
  }

  /** One run holds the loop and may do so for ever: the others are given back and go on elsewhere. */
  #evacuate(culprit: RunChannel, where: string): void {
    const message = `host process ${this.pid} has been held for ${HELD_MS / 1_000} s by another run, at ${where}`;
    const failure = { name: "$HostCrashed", message, crash: "stalled" };
    for (const run of this.#runs.values()) {
      if (run !== culprit) run.abandon({ kind: "crashed", failure, blame: false });
    }
  }

  #forget(run: RunChannel): void {
    this.#runs.delete(run.number);
    if (run.left) this.pulse.frozen += 1;
    if (this.#runs.size === 0) this.pulse.idle();
    if (this.#leaving) this.#exitWhenIdle();
    this.#events.changed();
  }

  #exitWhenIdle(): void {
    if (this.#runs.size > 0 || this.#gone) return;
    this.#link.send({ t: "exit" });
    const timer = setTimeout(() => this.#link.kill(), EXIT_MS);
    void this.#link.ended.then(() => clearTimeout(timer));
  }

  #frame(frame: HostFrame, raws: readonly JsonText[]): void {
    // These two come from the watchdog's thread and prove nothing about the loop.
    if (frame.t !== "stall" && frame.t !== "unstall") this.pulse.heard();
    if ("r" in frame && frame.t !== "stall") {
      const run = frame.r === null ? undefined : this.#runs.get(frame.r);
      if (run) run.receive(frame, raws);
      // A line of a run that is over, or of none: text of a run that has just ended is no reason to lose it.
      else if (frame.t === "log") this.#log(frame);
      else if (frame.t === "tooled" && frame.r === null) this.#tools.answered(frame, raws[0]);
      return;
    }
    this.#processFrame(frame as ProcessFrame, raws);
  }

  #processFrame(frame: ProcessFrame, raws: readonly JsonText[]): void {
    switch (frame.t) {
      case "discovery":
        return this.#discovery.resolve({ ms: frame.ms, body: raws[0] ?? ("{}" as JsonText) });
      case "pong":
        this.pulse.answered(frame.at, frame.frozen);
        return this.#events.changed();
      case "importing":
        this.#importing = frame.path;
        return;
      case "http":
        return this.#events.http(raws[0] ?? ("{}" as JsonText));
      case "stall": {
        this.pulse.stall(frame.ms, frame.where);
        const run = frame.r === null ? undefined : this.#runs.get(frame.r);
        const workflowName = run?.start.workflowName ?? null;
        this.#events.stalled({ ms: frame.ms, where: frame.where, workflowName });
        if (run && frame.ms >= HELD_MS) this.#evacuate(run, frame.where);
        return;
      }
      case "unstall":
        this.pulse.unstall();
        return this.#events.changed();
      case "host_error":
        this.#hostError = frame.message;
        this.#log({
          level: "error",
          source: "chiron",
          message: frame.traceback ? `${frame.message}\n${frame.traceback}` : frame.message,
        });
        // Before the discovery there is nothing to go on with.
        if (!this.#ready) this.kill();
        return;
      case "ready":
        return;
    }
  }

  /** Somebody else's line on the protocol's way out, or the interpreter's own on its error stream. */
  #stray(stream: "stdout" | "stderr", message: string): void {
    const line = { level: "warn" as const, source: stream, message };
    const [only] = this.#runs.size === 1 ? this.#runs.values() : [];
    if (only) only.log(line, null);
    else this.#log(line);
  }

  #log({ level, source, message, file }: Omit<HostLogLine, "pid">): void {
    this.#events.log({ pid: this.pid, level, source, message, ...(file === undefined ? {} : { file }) });
  }

  #end(end: ProcessEnd): void {
    this.#gone = true;
    this.#tools.end("the Python process ended before the tool did");
    this.pulse.idle();
    const why = this.#link.broken ?? this.#hostError ?? describeEnd(end);
    this.#discovery.reject(
      new ChironError("host_failed", `the Python host did not load the workflows: ${why}${quoted(end.stderr)}`, {
        hint: "The lines above are the host's own; a module that ends the process while it is imported looks like this too.",
        ...(this.#importing === null ? {} : { details: { importing: this.#importing, why } }),
      }),
    );
    const runs = [...this.#runs.values()].filter((run) => !run.cancelled);
    const ours = end.killed && this.#link.broken === null;
    const failure = crashFailure(end, {
      pid: this.pid,
      broken: this.#link.broken,
      byUs: ours,
      guilty: this.#guilty !== null,
    });
    if (!ours && runs.length > 1) this.#events.suspects(runs.map((run) => run.start.runId));
    const blame = !ours && this.#runs.size === 1;
    for (const run of this.#runs.values()) run.finish({ kind: "crashed", failure, blame });
    this.#events.changed();
  }
}

function quoted(stderr: string): string {
  return stderr === "" ? "" : `\n${stderr}`;
}
