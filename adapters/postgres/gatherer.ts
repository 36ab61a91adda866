// Group commit: what is called while a statement is under way gathers, and goes to the database as one statement, so as one commit.
// Calls about the same run keep their order, also across methods: a call waits for those before it that share one of its keys.
// A call that fails is taken out alone. Nothing is acknowledged before its commit; what that means when the answer is lost is in
// sending.ts.
import { isMembersFault } from "./errors.ts";

/** Which other calls a call must not overtake. */
export interface Order {
  /** Calls with a common key run in the order they were made. */
  readonly keys?: readonly string[];
  /** Marks this call for those that await the name; it waits for nobody by it. */
  readonly marks?: readonly string[];
  /** Waits for every earlier call that bears one of these marks. */
  readonly awaits?: readonly string[];
}

export interface LaneOptions<M, A> {
  /** Most members of one statement. A single larger call still is one statement. */
  readonly width: number;
  /** Statements under way at a time. */
  readonly inFlight: number;
  /** May wait this long for another lane's statement to leave together with. */
  readonly laterMs?: number;
  /** Sends members as one statement; answers in their order. */
  send(members: readonly M[]): Promise<A[]>;
}

export type Lane<M, A> = (members: readonly M[], order?: Order) => Promise<A[]>;

interface Job {
  readonly members: readonly unknown[];
  readonly lane: LaneState;
  /** Calls that must be done first, or be in the same statement. */
  before: Job[];
  readonly marks: readonly string[];
  readonly keys: readonly string[];
  batch: object | null;
  done: boolean;
  readonly resolve: (answers: never) => void;
  readonly reject: (error: unknown) => void;
}

interface LaneState {
  readonly options: LaneOptions<unknown, unknown>;
  waiting: Job[];
  inFlight: number;
}

export interface Timing {
  soon(work: () => void): void;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export class Gatherer {
  readonly #timing: Timing;
  readonly #refuse: () => Error;
  readonly #gathered: (calls: number) => void;
  readonly #lanes: LaneState[] = [];
  readonly #last = new Map<string, Job>();
  readonly #marked = new Map<string, Set<Job>>();
  #flushing = false;
  #pause: AbortController | null = null;
  #closing: (() => void) | null = null;
  #closed: Promise<void> | null = null;

  /** `refuse` makes the error of calls after the close; `gathered` is told how many calls a statement carried, once it has committed. */
  constructor(timing: Timing, refuse: () => Error, gathered: (calls: number) => void) {
    this.#timing = timing;
    this.#refuse = refuse;
    this.#gathered = gathered;
  }

  lane<M, A>(options: LaneOptions<M, A>): Lane<M, A> {
    const lane: LaneState = { options: options as unknown as LaneState["options"], waiting: [], inFlight: 0 };
    this.#lanes.push(lane);
    return (members, order = {}) => this.#add(lane, members, order) as Promise<A[]>;
  }

  /** Sends what is waiting, refuses everything after; settles when all is answered. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#closing = resolve;
      this.#flush();
    });
    return this.#closed;
  }

  #add(lane: LaneState, members: readonly unknown[], order: Order): Promise<unknown[]> {
    if (this.#closed) return Promise.reject(this.#refuse());
    if (members.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const { keys = [], marks = [], awaits = [] } = order;
      const before = keys.flatMap((key) => this.#last.get(key) ?? []);
      for (const mark of awaits) before.push(...(this.#marked.get(mark) ?? []));
      const job: Job = { members, lane, before, keys, marks, batch: null, done: false, resolve, reject };
      for (const key of keys) this.#last.set(key, job);
      for (const mark of marks) this.#marked.set(mark, (this.#marked.get(mark) ?? new Set()).add(job));
      lane.waiting.push(job);
      if (lane.options.laterMs === undefined) this.#soon();
      else this.#later(lane.options.laterMs);
    });
  }

  #soon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#timing.soon(this.#flush);
  }

  #later(ms: number): void {
    if (this.#pause) return;
    const pause = new AbortController();
    this.#pause = pause;
    void this.#timing.sleep(ms, pause.signal).then(() => {
      if (!pause.signal.aborted) this.#flush();
    });
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    this.#pause?.abort();
    this.#pause = null;
    for (const lane of this.#lanes) {
      while (lane.inFlight < lane.options.inFlight && this.#launch(lane));
    }
    if (this.#closing && this.#lanes.every((lane) => lane.inFlight === 0 && lane.waiting.length === 0)) this.#closing();
  };

  /** False when nothing of this lane may go now. */
  #launch(lane: LaneState): boolean {
    const batch = {};
    const taken: Job[] = [];
    const left: Job[] = [];
    let size = 0;
    for (const job of lane.waiting) {
      const fits = taken.length === 0 || size + job.members.length <= lane.options.width;
      if (fits && job.before.every((other) => other.done || other.batch === batch)) {
        job.batch = batch;
        size += job.members.length;
        taken.push(job);
      } else left.push(job);
    }
    if (taken.length === 0) return false;
    lane.waiting = left;
    lane.inFlight += 1;
    void this.#run(lane, taken);
    return true;
  }

  async #run(lane: LaneState, jobs: readonly Job[]): Promise<void> {
    try {
      await together(lane, jobs);
      this.#gathered(jobs.length);
    } catch (error) {
      if (jobs.length > 1 && isMembersFault(error)) await apart(lane, jobs);
      else for (const job of jobs) job.reject(error);
    }
    for (const job of jobs) this.#forget(job);
    lane.inFlight -= 1;
    this.#flush();
  }

  #forget(job: Job): void {
    job.done = true;
    job.before = [];
    for (const key of job.keys) if (this.#last.get(key) === job) this.#last.delete(key);
    for (const mark of job.marks) {
      const marked = this.#marked.get(mark);
      marked?.delete(job);
      if (marked?.size === 0) this.#marked.delete(mark);
    }
  }
}

async function together(lane: LaneState, jobs: readonly Job[]): Promise<void> {
  const answers = await lane.options.send(jobs.length === 1 ? jobs[0]!.members : jobs.flatMap((job) => job.members));
  let at = 0;
  for (const job of jobs) {
    job.resolve(answers.slice(at, at + job.members.length) as never);
    at += job.members.length;
  }
}

/** One statement a call, so that only the faulty one fails. */
async function apart(lane: LaneState, jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) await together(lane, [job]).catch(job.reject);
}
