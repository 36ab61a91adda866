// The places of each queue's concurrency. A run that waits for a long call may lend its place to another run meanwhile; it goes on when
// a place is free again, before any new run is taken. So no more runs work at a time than the queue allows, and no more than
// `lendLimit` of it wait beside them.
import type { Concurrency, QueueName } from "../core/queues.ts";

interface Queue {
  readonly most: number;
  active: number;
  lent: number;
  readonly returning: Slot[];
}

export class Slots {
  readonly #concurrency: Concurrency;
  readonly #lendLimit: number;
  readonly #freed: () => void;
  readonly #queues = new Map<QueueName, Queue>();

  /** `freed` is called whenever a run more may be taken. */
  constructor(concurrency: Concurrency, lendLimit: number, freed: () => void) {
    this.#concurrency = concurrency;
    this.#lendLimit = lendLimit;
    this.#freed = freed;
  }

  /** How many runs may be taken now. */
  free(queue: QueueName): number {
    const { most, active, returning } = this.#of(queue);
    return returning.length > 0 ? 0 : most - active;
  }

  take(queue: QueueName): Slot {
    const places = this.#of(queue);
    places.active += 1;
    return new Slot(places, this.#lendLimit, this.#freed);
  }

  #of(name: QueueName): Queue {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = { most: this.#concurrency[name], active: 0, lent: 0, returning: [] };
      this.#queues.set(name, queue);
    }
    return queue;
  }
}

/** One run's place. held: it counts. lent: it does not. returning: it waits for one. gone: the run is over. */
export class Slot {
  readonly #queue: Queue;
  readonly #lendLimit: number;
  readonly #freed: () => void;
  #state: "held" | "lent" | "returning" | "gone" = "held";
  #calls = 0;
  #back: PromiseWithResolvers<void> | null = null;

  constructor(queue: Queue, lendLimit: number, freed: () => void) {
    this.#queue = queue;
    this.#lendLimit = lendLimit;
    this.#freed = freed;
  }

  /** Lends the place while `work` is under way; the answer comes when the run has a place again, or its signal aborts. */
  async lendDuring<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
    this.#calls += 1;
    this.#lend();
    try {
      return await work;
    } finally {
      this.#calls -= 1;
      if (this.#calls === 0) await this.#regain(signal);
    }
  }

  /** The run is over. May be called twice. */
  release(): void {
    const queue = this.#queue;
    const state = this.#state;
    if (state === "gone") return;
    this.#state = "gone";
    if (state === "held") this.#vacate();
    else queue.lent -= 1;
    if (state === "returning") {
      queue.returning.splice(queue.returning.indexOf(this), 1);
      this.#back?.resolve();
      this.#freed();
    }
  }

  #lend(): void {
    const queue = this.#queue;
    // A queue of one at a time is how workflows keep out of each other's way: its place is not lent.
    if (this.#state !== "held" || queue.most === 1 || queue.lent >= this.#lendLimit) return;
    this.#state = "lent";
    queue.lent += 1;
    this.#vacate();
  }

  /** Gives the place to the run that has waited longest for one, else to whoever is taken next. */
  #vacate(): void {
    const queue = this.#queue;
    // Where there was room before, whoever made a run due has said so, and it was taken.
    const wasFull = queue.active >= queue.most;
    queue.active -= 1;
    const next = queue.active < queue.most ? queue.returning.shift() : undefined;
    if (next) next.#enter();
    if (wasFull) this.#freed();
  }

  #enter(): void {
    this.#queue.active += 1;
    this.#queue.lent -= 1;
    this.#state = "held";
    this.#back?.resolve();
    this.#back = null;
  }

  async #regain(signal: AbortSignal): Promise<void> {
    if (this.#state !== "lent" || signal.aborted) return;
    const queue = this.#queue;
    if (queue.active < queue.most && queue.returning.length === 0) return this.#enter();
    this.#state = "returning";
    queue.returning.push(this);
    this.#back = Promise.withResolvers();
    const leave = (): void => this.#back?.resolve();
    signal.addEventListener("abort", leave, { once: true });
    await this.#back.promise;
    signal.removeEventListener("abort", leave);
  }
}
