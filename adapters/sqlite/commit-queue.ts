// Group commit: all calls that arrive before the next flush are one transaction, in call order, and settle after its COMMIT. A call
// that throws is taken out alone; its batch-mates commit. Jobs may run more than once, so they change nothing but the database.
import type Database from "better-sqlite3";
import { BATCH_SIZES, Histogram } from "../../src/core/histogram.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { closed, translate } from "./errors.ts";

interface Job {
  readonly work: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  failed: boolean;
  /** The result, or what was thrown. */
  outcome: unknown;
}

export class CommitQueue {
  readonly #clock: Clock;
  readonly #location: string;
  readonly #db: Database.Database;
  readonly #run: Record<"begin" | "commit" | "rollback" | "mark" | "keep" | "undo", Database.Statement>;
  #jobs: Job[] = [];
  #flushing = false;
  #waiting: AbortController | null = null;
  #closed = false;
  /** Jobs that one commit carried. */
  readonly sizes = new Histogram(BATCH_SIZES);

  constructor(db: Database.Database, clock: Clock, location: string) {
    this.#db = db;
    this.#clock = clock;
    this.#location = location;
    this.#run = {
      begin: db.prepare("BEGIN IMMEDIATE"),
      commit: db.prepare("COMMIT"),
      rollback: db.prepare("ROLLBACK"),
      mark: db.prepare("SAVEPOINT member"),
      keep: db.prepare("RELEASE member"),
      undo: db.prepare("ROLLBACK TO member"),
    };
  }

  /** Transactions committed so far. */
  get commits(): number {
    return this.sizes.count;
  }

  /** Runs `work` in the next transaction. Settles when that has committed. */
  add<T>(work: () => T): Promise<T> {
    const done = this.#push(work);
    if (!this.#flushing && !this.#closed) {
      this.#flushing = true;
      this.#clock.soon(this.#flush);
    }
    return done;
  }

  /** Like add, for what may wait: it rides along with the next transaction, or has its own after `delayMs`. */
  addLater<T>(work: () => T, delayMs: number): Promise<T> {
    const done = this.#push(work);
    if (!this.#waiting && !this.#closed) {
      const waiting = new AbortController();
      this.#waiting = waiting;
      void this.#clock.sleep(delayMs, waiting.signal).then(() => {
        if (!waiting.signal.aborted) this.#flush();
      });
    }
    return done;
  }

  /** Commits what is waiting; refuses everything after. */
  close(): void {
    this.#closed = true;
    this.#flush();
  }

  #push<T>(work: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(closed(this.#location));
    return new Promise<T>((resolve, reject) => {
      this.#jobs.push({ work, resolve, reject, failed: false, outcome: undefined });
    });
  }

  readonly #flush = (): void => {
    this.#flushing = false;
    this.#waiting?.abort();
    this.#waiting = null;
    const jobs = this.#jobs;
    if (jobs.length === 0) return;
    this.#jobs = [];
    if (!this.#together(jobs) && !this.#apart(jobs)) for (const job of jobs) this.#together([job]);
    for (const job of jobs) {
      if (job.failed) job.reject(translate(job.outcome, this.#location));
      else job.resolve(job.outcome as never);
    }
  };

  /** One transaction without savepoints. False: some job of several failed and nothing was committed. */
  #together(jobs: readonly Job[]): boolean {
    try {
      this.#run.begin.run();
      for (const job of jobs) {
        job.outcome = job.work();
        job.failed = false;
      }
      this.#run.commit.run();
      this.sizes.observe(jobs.length);
      return true;
    } catch (error) {
      if (this.#db.inTransaction) this.#run.rollback.run();
      if (jobs.length > 1) return false;
      jobs[0]!.failed = true;
      jobs[0]!.outcome = error;
      return true;
    }
  }

  /** One transaction that leaves out the jobs that throw. False: SQLite gave the whole transaction up (a full disk) and nothing was committed. */
  #apart(jobs: readonly Job[]): boolean {
    try {
      this.#run.begin.run();
      for (const job of jobs) if (!this.#member(job)) return false;
      this.#run.commit.run();
      this.sizes.observe(jobs.filter((job) => !job.failed).length);
      return true;
    } catch {
      // The cause comes back, by member, when each runs alone.
      if (this.#db.inTransaction) this.#run.rollback.run();
      return false;
    }
  }

  /** False: the transaction is gone. */
  #member(job: Job): boolean {
    this.#run.mark.run();
    try {
      job.outcome = job.work();
      job.failed = false;
    } catch (error) {
      if (!this.#db.inTransaction) return false;
      this.#run.undo.run();
      job.failed = true;
      job.outcome = error;
    }
    this.#run.keep.run();
    return true;
  }
}
