// What this process knows about where a task's spans hang: under the request that created it, beside the run that started it, after its last
// execution. Bounded, and of this process only: a task that is not known has a trace of its own, whose id is made of the task's id, so that
// the spans which several replicas make of one task meet in one trace.
import { ROOT_CONTEXT, type Context, type Link } from "@opentelemetry/api";
import { RandomIdGenerator, type IdGenerator } from "@opentelemetry/sdk-trace-base";

export interface Origin {
  /** The context under which the task's runs are spans. */
  readonly parent: Context;
  readonly links: readonly Link[];
}

/** A task that was created long ago and whose runs come much later is the rare one; its spans then hang on its own trace. */
const MOST_TASKS = 20_000;

const UNKNOWN: Origin = { parent: ROOT_CONTEXT, links: [] };

export class TaskOrigins {
  readonly #origins = new Map<string, Origin>();

  of(taskId: string): Origin {
    return this.#origins.get(taskId) ?? UNKNOWN;
  }

  set(taskId: string, origin: Origin): void {
    this.#origins.delete(taskId);
    this.#origins.set(taskId, origin);
    if (this.#origins.size > MOST_TASKS) this.#origins.delete(this.#origins.keys().next().value!);
  }

  forget(taskId: string): void {
    this.#origins.delete(taskId);
  }
}

/** Random ids, except for the roots of a task's trace. */
export class TaskIdGenerator implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #taskId: string | null = null;

  /** Whatever root span `make` starts belongs to this task's trace. */
  within<T>(taskId: string, make: () => T): T {
    this.#taskId = taskId;
    try {
      return make();
    } finally {
      this.#taskId = null;
    }
  }

  readonly generateTraceId = (): string =>
    this.#taskId === null ? this.#random.generateTraceId() : this.#taskId.replaceAll("-", "").toLowerCase();

  readonly generateSpanId = (): string => this.#random.generateSpanId();
}
