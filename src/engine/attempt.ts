// One claimed run on a host, from its start to what its end means for the store. Writes under the claim only; a refused write ends it.
import { ChironError, messageOf } from "../core/errors.ts";
import type { Bus } from "../core/bus.ts";
import { backoffDelayMs } from "../core/retry.ts";
import type { Clock } from "../ports/clock.ts";
import type { CallAnswer, CtxCall, RunEnd, RunSession, StepAnswer, StepWrite, SuspendAnswer } from "../ports/host.ts";
import type { Store } from "../ports/store.ts";
import type { ClaimedRun, Failure, WaitRequest } from "../ports/store-types.ts";
import type { Runnable } from "./names.ts";
import { OpenCalls } from "./open-calls.ts";
import { persist } from "./persist.ts";
import type { EngineSettings } from "./settings.ts";

export interface AttemptDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly settings: EngineSettings;
  readonly random: () => number;
  /** Answers a ctx request that is neither a step nor a wait. */
  readonly answer: (run: ClaimedRun, call: CtxCall, signal: AbortSignal) => Promise<CallAnswer>;
  /** Told when something becomes due at a known time. */
  readonly due: (atMs: number) => void;
  /** Told when a failure is committed, which may have woken a parent; for a store whose claims run beside other transactions. It tells its subscribers of parents that a completion woke. */
  readonly committed: () => void;
}

/** `pin`: the task belongs to this code from now on. */
export interface Code {
  readonly runnable: Runnable;
  readonly pin: boolean;
}

export interface ReleaseOptions {
  /** When it is due again. */
  readonly delayMs?: number;
  /** Nothing ran here: the task is pinned to no code. */
  readonly unpin?: boolean;
  /** This process has no use for it and does not wait for the moment it is due, so that another one may come first. */
  readonly toOthers?: boolean;
}

export class Attempt {
  readonly run: ClaimedRun;
  readonly #deps: AttemptDeps;
  readonly #noted: string;
  readonly #ending = new AbortController();
  readonly #calls = new OpenCalls(this.#ending.signal);
  #leaseUntil: number;
  #draining = false;
  #suspended = false;
  /** The host's work is over; what is left is to write down how. */
  #ended = false;
  /** The task is over: no later attempt will make the same calls. */
  #final = false;
  /** What the store threw at a write of this attempt: it cannot go on and must not stay claimed. */
  #fault: unknown = null;

  /** `noted`: the generation that the claim wrote down. */
  constructor(run: ClaimedRun, noted: string, deps: AttemptDeps) {
    this.run = run;
    this.#noted = noted;
    this.#deps = deps;
    this.#leaseUntil = run.leaseUntil;
  }

  get leaseUntil(): number {
    return this.#leaseUntil;
  }

  renewed(untilMs: number): void {
    this.#leaseUntil = untilMs;
  }

  /** Ends at the next checkpoint: what a graceful stop asks, so that no step body is cut in two. */
  drain(): void {
    this.#draining = true;
  }

  /** Stops the work at once: the claim is lost, another process cancelled the task, or the runtime ends. */
  abort(reason: string): void {
    // Who asked the store about a claim may hear that it is gone because this run has just given it up itself.
    const isDone = this.#suspended || this.#ended;
    if (reason === "shutdown") this.#ending.abort(reason);
    else if (!isDone) this.#lose(reason);
  }

  /** Stops the work of a task that was cancelled here, by who says so. */
  cancel(): void {
    if (!this.#suspended && !this.#ended) this.#ending.abort("cancelled");
  }

  #lose(reason: string): void {
    if (this.#ending.signal.aborted) return;
    const { taskId, runId } = this.run;
    this.#deps.bus.publish({ type: "run.lost", taskId, runId, reason });
    this.#ending.abort(reason);
  }

  /** Runs to the end on this host. `settled` is called when the store has been asked to record the end, before it answered: the slot is free then. */
  async execute({ runnable, pin }: Code, settled: () => void): Promise<void> {
    const { run } = this;
    const { bus } = this.#deps;
    const generation = runnable.host.generation.id;
    bus.publish({
      type: "run.started",
      taskId: run.taskId,
      runId: run.runId,
      workflowName: run.workflowName,
      queue: run.queue,
      attempt: run.attempt,
      generation,
      delayMs: this.#deps.clock.now() - run.dueAt,
    });
    if (generation !== this.#noted) this.#stamp(generation, pin);
    const end = await runnable.host.run(run, this.#session(), this.#ending.signal);
    this.#ended = true;
    const recording = this.record(end);
    settled();
    await recording.catch((error: unknown) => this.#fail(engineFault(error), true));
    this.#endCalls();
  }

  /** Calls that the handler began and did not wait for. */
  #endCalls(): void {
    const open = this.#calls.end(this.#final ? "ended" : "again");
    if (open.length === 0 || !this.#final) return;
    const message = `the run ended while it still waited for ${open.join(", ")}: stopped. Await what start_agent and the like return.`;
    this.#log({ level: "warn", source: "chiron", message, fields: null });
  }

  /** Notes which code runs it, where the claim could not know: an older version that serves, a built-in. Nobody waits for it. */
  #stamp(generation: string, pin: boolean): void {
    const { runId, claimToken } = this.run;
    this.#deps.store.progress.stamp([{ runId, claimToken, generation, pin }]).catch((error: unknown) => {
      this.#deps.bus.publish({ type: "service.error", service: "stamp", message: messageOf(error) });
    });
  }

  /** Writes what the end of a host's work means. */
  async record(end: RunEnd): Promise<void> {
    switch (end.kind) {
      case "result":
        return this.#complete(end.value);
      case "error":
        return this.#fail(end.failure, end.retryable);
      case "crashed":
        return end.blame ? this.#fail(end.failure, true) : this.release("a neighbour's process ended");
      case "not_started":
        return this.release(end.reason);
      case "dropped":
        return this.#dropped();
    }
  }

  /** Gives the run back without costing an attempt. */
  async release(reason: string, { delayMs = 0, unpin = false, toOthers = false }: ReleaseOptions = {}): Promise<void> {
    const { runId, taskId, claimToken } = this.run;
    const answer = await this.#write(() => this.#deps.store.claims.release([{ runId, claimToken, delayMs, unpin }]));
    if (answer?.ok) this.#deps.bus.publish({ type: "run.released", taskId, runId, reason });
    if (answer?.ok && !toOthers) this.#deps.due(this.#deps.clock.now() + delayMs);
  }

  /** A run that a stop ended goes back to its queue; one that sleeps, was cancelled or lost its claim has nothing to give back. */
  async #dropped(): Promise<void> {
    if (this.#fault !== null && !this.#ending.signal.aborted) return this.#fail(engineFault(this.#fault), true);
    const stopped = this.#draining || this.#ending.signal.reason === "shutdown";
    if (stopped && !this.#suspended) await this.release("the runtime stops");
  }

  async #complete(output: ClaimedRun["input"]): Promise<void> {
    const { runId, taskId, claimToken, workflowName, attempt } = this.run;
    const answer = await this.#write(() => this.#deps.store.progress.complete([{ runId, claimToken, output }]));
    if (!answer?.ok) return;
    this.#final = true;
    this.#deps.bus.publish({ type: "run.completed", taskId, runId, workflowName, attempt });
  }

  async #fail(failure: Failure, retryable: boolean): Promise<void> {
    const { runId, taskId, claimToken, workflowName, attempt } = this.run;
    const { settings, random, bus } = this.#deps;
    const retryDelayMs = retryable ? backoffDelayMs(settings.backoff, attempt, random()) : null;
    const answer = await this.#write(() =>
      this.#deps.store.progress.fail([{ runId, claimToken, failure, retryDelayMs }]),
    );
    if (!answer?.ok) return;
    this.#final = answer.nextAttemptAt === null;
    this.#deps.committed();
    const { name, message } = failure;
    bus.publish({
      type: "run.failed",
      taskId,
      runId,
      workflowName,
      attempt,
      name,
      message,
      nextAttemptAt: answer.nextAttemptAt,
    });
    if (answer.nextAttemptAt !== null) this.#deps.due(answer.nextAttemptAt);
  }

  /** One write under the claim; a refusal aborts the attempt. Null: the attempt ended while the store could not commit. */
  async #write<T extends { readonly ok: boolean; readonly reason?: string }>(
    op: () => Promise<readonly T[]>,
  ): Promise<T | null> {
    const answers = await persist(this.#deps.clock, this.#ending.signal, op).catch((error: unknown) => {
      this.#fault = error;
      throw error;
    });
    const answer = answers?.[0];
    if (!answer) return null;
    if (!answer.ok) this.#lose(answer.reason ?? "lease_lost");
    return answer;
  }

  #session(): RunSession {
    return {
      step: (write) => this.#step(write),
      suspend: (waits) => this.#suspend(waits),
      call: (call) => this.#call(call),
      log: (line) => this.#log(line),
      metric: (metric) => this.#deps.bus.publish({ type: "metric", ...metric }),
    };
  }

  async #step(write: StepWrite): Promise<StepAnswer> {
    const { runId, taskId, claimToken } = this.run;
    const { store, settings, bus } = this.#deps;
    const answer = await this.#write(() =>
      store.progress.checkpoint([{ ...write, runId, claimToken, leaseMs: settings.leaseMs }]),
    );
    if (!answer?.ok) return { ok: false, gone: answer?.reason ?? "lease_lost" };
    if (!bus.quiet) bus.publish({ type: "run.step", taskId, runId, step: write.name, durationMs: write.durationMs });
    if (this.#draining) return { ok: false, gone: "shutdown" };
    return answer.kept ? { ok: true, kept: answer.kept } : { ok: true };
  }

  async #suspend(waits: readonly WaitRequest[]): Promise<SuspendAnswer> {
    const { runId, taskId, claimToken } = this.run;
    const answer = await this.#write(() => this.#deps.store.progress.suspend([{ runId, claimToken, waits }]));
    if (!answer?.ok) return { gone: answer?.reason ?? "lease_lost" };
    if (!answer.suspended) return answer;
    const steps = waits.map((wait) => wait.step);
    this.#deps.bus.publish({ type: "run.sleeping", taskId, runId, wakeAt: answer.wakeAt, waits: steps });
    this.#suspended = true;
    if (answer.wakeAt !== null) this.#deps.due(answer.wakeAt);
    return { suspended: true };
  }

  async #call(call: CtxCall): Promise<CallAnswer> {
    try {
      const { answer, settings } = this.#deps;
      // Anything else is done before anybody would miss it, and half a message helps nobody.
      if (!settings.longCalls.has(call.type)) return await answer(this.run, call, this.#ending.signal);
      return await this.#calls.during(call.type, answer(this.run, call, this.#calls.signalFor(call)));
    } catch (error) {
      const hint = error instanceof ChironError && error.hint ? ` (${error.hint})` : "";
      return { ok: false, error: messageOf(error) + hint };
    }
  }

  #log(line: Parameters<RunSession["log"]>[0]): void {
    const { runId, taskId, workflowName } = this.run;
    const { store, clock, bus } = this.#deps;
    bus.publish({
      type: "run.log",
      taskId,
      runId,
      workflowName,
      level: line.level,
      source: line.source,
      message: line.message,
      fields: line.fields,
    });
    // Log lines ride along with the next commit; a store that cannot take them has been reported by the writes that matter.
    store.logs.append([{ ...line, taskId, runId, at: clock.now() }]).catch((error: unknown) => {
      bus.publish({ type: "service.error", service: "logs", message: messageOf(error) });
    });
  }
}

/** The engine's own reason for a failed attempt: a value or a moment that the store did not take. */
function engineFault(error: unknown): Failure {
  return { name: "$StoreFault", message: `the store did not take what the run wrote: ${messageOf(error)}` };
}
