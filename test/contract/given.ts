// What contract tests start from: an empty store on a clock that stands still, and the shortest way to a task in each state.
import type { TaskId, RunId } from "../../src/core/ids.ts";
import { toJsonText, type JsonText } from "../../src/core/json-text.ts";
import type { State } from "../../src/core/states.ts";
import type { Store } from "../../src/ports/store.ts";
import type {
  CheckpointWrite,
  ClaimRef,
  ClaimRequest,
  ClaimedRun,
  Enqueued,
  Failure,
  NewTask,
  Suspended,
  WaitRequest,
} from "../../src/ports/store-types.ts";
import type { ManualClock } from "./manual-clock.ts";

export const QUEUE = "centaur_workflows";
export const LEASE_MS = 30_000;
export const OWNER = "owner-1";
export const BROKEN: Failure = { name: "ValueError", message: "broken" };

/** A JSON text exactly as written. */
export const raw = (text: string): JsonText => text as JsonText;
export const json = toJsonText;

export class Given {
  readonly store: Store;
  readonly clock: ManualClock;

  constructor(store: Store, clock: ManualClock) {
    this.store = store;
    this.clock = clock;
  }

  async task(fields: Partial<NewTask> = {}): Promise<Enqueued> {
    return (await this.store.tasks.enqueue([newTask(fields)]))[0]!;
  }

  async claim(fields: Partial<ClaimRequest> = {}): Promise<ClaimedRun[]> {
    const request = { queue: QUEUE, limit: 10, leaseMs: LEASE_MS, owner: OWNER, ...fields };
    return (await this.store.claims.claim([request]))[0]!;
  }

  async claimOne(fields: Partial<ClaimRequest> = {}): Promise<ClaimedRun> {
    const run = (await this.claim({ limit: 1, ...fields }))[0];
    if (!run) throw new Error("nothing was due");
    return run;
  }

  async running(fields: Partial<NewTask> = {}): Promise<ClaimedRun> {
    await this.task(fields);
    return this.claimOne(fields.queue === undefined ? {} : { queue: fields.queue });
  }

  async step(ref: ClaimRef, name: string, value: JsonText = json(name), fields: Partial<CheckpointWrite> = {}) {
    const write = { runId: ref.runId, claimToken: ref.claimToken, name, value, durationMs: 1, leaseMs: LEASE_MS };
    return (await this.store.progress.checkpoint([{ ...write, ...fields }]))[0]!;
  }

  async suspend({ runId, claimToken }: ClaimRef, ...waits: WaitRequest[]) {
    return (await this.store.progress.suspend([{ runId, claimToken, waits }]))[0]!;
  }

  /** Suspends and insists that it slept. */
  async asleep(ref: ClaimRef, ...waits: WaitRequest[]): Promise<Extract<Suspended, { suspended: true }>> {
    const answer = await this.suspend(ref, ...waits);
    if (!answer.ok || !answer.suspended) throw new Error(`did not sleep: ${JSON.stringify(answer)}`);
    return answer;
  }

  async complete({ runId, claimToken }: ClaimRef, output: JsonText = json("done")) {
    return (await this.store.progress.complete([{ runId, claimToken, output }]))[0]!;
  }

  async fail({ runId, claimToken }: ClaimRef, retryDelayMs: number | null = null, failure: Failure = BROKEN) {
    return (await this.store.progress.fail([{ runId, claimToken, failure, retryDelayMs }]))[0]!;
  }

  async cancel(taskId: TaskId) {
    return (await this.store.tasks.cancel([taskId]))[0]!;
  }

  async retry(taskId: TaskId, options?: { readonly unpin?: boolean }) {
    return (await this.store.tasks.retry([taskId], options))[0]!;
  }

  async emit(name: string, payload: JsonText = json({ name })) {
    return (await this.store.events.emit([{ name, payload }]))[0]!;
  }

  async stateOf(id: TaskId | RunId): Promise<State> {
    return (await this.found(id)).run.state;
  }

  async found(id: TaskId | RunId) {
    const found = await this.store.reads.find(id);
    if (!found) throw new Error(`${id} is not in the store`);
    return found;
  }

  /** A run in this state, with the newest token it had. */
  async runIn(state: State): Promise<ClaimedRun> {
    const run = await this.running({ maxAttempts: 1 });
    if (state === "pending") await this.store.claims.release([run]);
    if (state === "sleeping") await this.asleep(run, onEvent("never"));
    if (state === "completed") await this.complete(run);
    if (state === "failed") await this.fail(run);
    if (state === "cancelled") await this.cancel(run.taskId);
    return run;
  }
}

export function newTask(fields: Partial<NewTask> = {}): NewTask {
  return {
    queue: QUEUE,
    workflowName: "greet",
    input: json({ name: "Ada" }),
    maxAttempts: 3,
    cause: { kind: "api" },
    ...fields,
  };
}

export const onEvent = (name: string, delayMs: number | null = null, step = `event:${name}`): WaitRequest => ({
  step,
  kind: "event",
  target: name,
  delayMs,
});

export const onTask = (taskId: string, delayMs: number | null = null, step = `task:${taskId}`): WaitRequest => ({
  step,
  kind: "task",
  target: taskId,
  delayMs,
});

export const onTime = (delayMs: number, step = "sleep"): WaitRequest => ({
  step,
  kind: "sleep",
  target: null,
  delayMs,
});
