// Takes due runs and works on them, each queue up to its concurrency. One claim is under way at a time; whoever knows of new work
// pokes, known wake times are armed, and a poll bounds the delay of everything nobody announced.
import type { ClaimedRun } from "../ports/store-types.ts";
import { WORKFLOW_QUEUES, type QueueName } from "../core/queues.ts";
import { messageOf } from "../core/errors.ts";
import { Attempt, type AttemptDeps } from "./attempt.ts";
import type { WorkflowNames } from "./names.ts";
import type { Enablement } from "./contract.ts";
import { createFaultReport, type Service } from "./service.ts";
import { Slots, type Slot } from "./slots.ts";
import { chooseCode, type TaskCode } from "./task-code.ts";

/** Most runs of a queue taken by one claim: bounds the time of one transaction. */
const CLAIM_BATCH = 256;

/** The store cannot record code now: it is asked again by every claim, not by every run. */
const RECORDING = { delayMs: 1_000, toOthers: true };

export interface WorkerDeps extends Omit<AttemptDeps, "due"> {
  readonly names: WorkflowNames;
  readonly enablement: Enablement;
  /** Absent: every run goes on with what serves now. */
  readonly code?: TaskCode;
}

export class Worker implements Service {
  readonly name = "worker";
  readonly #deps: WorkerDeps;
  readonly #attemptDeps: AttemptDeps;
  readonly #fault: (error: unknown) => void;
  readonly #attempts = new Map<string, Attempt>();
  readonly #slots: Slots;
  readonly #held = new Map<string, Slot>();
  readonly #work = new Set<Promise<void>>();
  #wanted = false;
  #pumping: Promise<void> | null = null;
  #ending: AbortController | null = null;
  #alarm: { readonly atMs: number; readonly abort: AbortController } | null = null;
  #loop: Promise<void> = Promise.resolve();

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
    // Made once: a run should not cost a copy of it.
    const { concurrency, lendLimit } = deps.settings;
    this.#slots = new Slots(concurrency, lendLimit, () => this.poke());
    this.#attemptDeps = { ...deps, due: this.due, answer: this.#answer };
    this.#fault = createFaultReport(this.name, deps.bus);
  }

  /** Runs being worked on now. */
  get attempts(): ReadonlyMap<string, Attempt> {
    return this.#attempts;
  }

  start(): void {
    if (this.#ending) return;
    this.#ending = new AbortController();
    this.#loop = this.#poll(this.#ending.signal);
    this.poke();
  }

  /** Takes nothing new; lets running work reach its next checkpoint within the grace time, then gives it back: a stop costs no attempt. */
  async stop(): Promise<void> {
    this.#ending?.abort();
    this.#ending = null;
    this.#alarm?.abort.abort();
    // A claim that is under way may still bring runs.
    await this.#pumping;
    for (const attempt of this.#attempts.values()) attempt.drain();
    const grace = new AbortController();
    const ended = Promise.all(this.#work).then(() => grace.abort());
    await this.#deps.clock.sleep(this.#deps.settings.graceMs, grace.signal);
    for (const attempt of this.#attempts.values()) attempt.abort("shutdown");
    await ended;
    await this.#loop;
  }

  /** There may be due work: look now. An enqueue made before in the same turn is part of the same transaction. */
  poke(): void {
    this.#wanted = true;
    if (this.#pumping || !this.#ending) return;
    this.#pumping = this.#pump().finally(() => {
      this.#pumping = null;
      if (this.#wanted && this.#ending) this.poke();
    });
  }

  /** Something becomes due at this time. */
  readonly due = (atMs: number): void => {
    const now = this.#deps.clock.now();
    if (atMs <= now) return this.poke();
    if (!this.#ending || (this.#alarm && this.#alarm.atMs <= atMs)) return;
    this.#alarm?.abort.abort();
    const alarm = { atMs, abort: new AbortController() };
    this.#alarm = alarm;
    void this.#ring(alarm, atMs - now);
  };

  async tick(): Promise<void> {
    this.poke();
    await this.#pumping;
  }

  /** Nothing is being claimed, worked on or recorded, beside these runs. */
  isIdle(except: ReadonlySet<string>): boolean {
    const others = [...this.#attempts.keys()].some((runId) => !except.has(runId));
    return !others && !this.#pumping && !this.#wanted && this.#work.size === this.#attempts.size;
  }

  async #ring(alarm: { readonly abort: AbortController }, delayMs: number): Promise<void> {
    await this.#deps.clock.sleep(delayMs, alarm.abort.signal);
    if (alarm.abort.signal.aborted) return;
    this.#alarm = null;
    this.poke();
  }

  async #poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(this.#deps.settings.pollMs, signal);
      if (!signal.aborted) this.poke();
    }
  }

  #free(queue: QueueName): number {
    return Math.min(CLAIM_BATCH, this.#slots.free(queue));
  }

  /** A call that takes minutes need not keep others from working. */
  readonly #answer: AttemptDeps["answer"] = (run, call, signal) => {
    const answer = this.#deps.answer(run, call, signal);
    const slot = this.#deps.settings.lendDuring.has(call.type) ? this.#held.get(run.runId) : undefined;
    return slot ? slot.lendDuring(answer, signal) : answer;
  };

  async #pump(): Promise<void> {
    while (this.#wanted && this.#ending) {
      this.#wanted = false;
      if (!this.#deps.names.ready()) return;
      // In the same turn where nothing is pending: the claim is then part of the transaction of what poked.
      const keeping = this.#deps.code?.pending() ?? null;
      if (keeping !== null && !(await this.#isKept(keeping))) return;
      const { leaseMs, owner } = this.#deps.settings;
      const generation = this.#deps.names.generation();
      const keepPinned = this.#keepsPins;
      // In the schedules' queue there are only rows that tell the next fire, and ticks of other programs.
      const requests = WORKFLOW_QUEUES.map((queue) => ({
        queue,
        limit: this.#free(queue),
        leaseMs,
        owner,
        keepPinned,
        ...(generation === "" ? {} : { generation }),
      })).filter((request) => request.limit > 0);
      if (requests.length === 0) return;
      try {
        const claimed = await this.#deps.store.claims.claim(requests);
        this.#fault(null);
        this.#take(claimed, requests, generation);
      } catch (error) {
        this.#fault(error);
        return;
      }
    }
  }

  get #keepsPins(): boolean {
    return (this.#deps.code?.older ?? null) !== null;
  }

  /** Whether the code that serves is recorded. If not, the store cannot do that now, and the next poll tries again. */
  async #isKept(keeping: Promise<void>): Promise<boolean> {
    try {
      await keeping;
      return this.#ending !== null;
    } catch (error) {
      this.#fault(error);
      return false;
    }
  }

  #take(claimed: readonly ClaimedRun[][], requests: readonly { readonly limit: number }[], generation: string): void {
    claimed.forEach((runs, index) => {
      if (runs.length === requests[index]!.limit) this.#wanted = true;
      for (const run of runs) this.#begin(run, generation);
    });
  }

  #begin(run: ClaimedRun, generation: string): void {
    const noted = this.#keepsPins ? (run.pinnedGeneration ?? generation) : generation;
    const attempt = new Attempt(run, noted, this.#attemptDeps);
    const slot = this.#slots.take(run.queue as QueueName);
    this.#attempts.set(run.runId, attempt);
    this.#held.set(run.runId, slot);
    const free = (): void => {
      if (this.#attempts.get(run.runId) !== attempt) return;
      this.#attempts.delete(run.runId);
      this.#held.delete(run.runId);
      slot.release();
    };
    const work = this.#execute(attempt, generation, free)
      .catch((error: unknown) =>
        this.#deps.bus.publish({ type: "service.error", service: this.name, message: messageOf(error) }),
      )
      .finally(() => {
        free();
        this.#work.delete(work);
      });
    this.#work.add(work);
  }

  async #execute(attempt: Attempt, generation: string, settled: () => void): Promise<void> {
    const { workflowName } = attempt.run;
    if (!this.#deps.enablement.allows(workflowName)) {
      const message = `workflow ${workflowName} is not allowed to run here (WORKFLOW_ENABLE_MODE=allowlist, WORKFLOW_ALLOWED_NAMES)`;
      return attempt.record({ kind: "error", failure: { name: "WorkflowDisabled", message }, retryable: false });
    }
    const choosing = chooseCode(this.#deps, attempt.run, generation);
    const choice = choosing instanceof Promise ? await choosing : choosing;
    if ("release" in choice) return attempt.release(choice.release, { ...choice, toOthers: true });
    // Code that came into service while the claim was under way.
    const isNewer = choice.runnable.host.generation.id !== generation;
    const keeping = isNewer ? (this.#deps.code?.pending() ?? null) : null;
    if (keeping !== null && !(await this.#isKept(keeping)))
      return attempt.release("its code is not recorded yet", RECORDING);
    if (!this.#ending) return attempt.release("the runtime stops");
    return attempt.execute(choice, settled);
  }
}
