// The long calls of one attempt (agents' turns) that have no answer yet. Guarantees that none outlives the attempt unnoticed: when the run is over their
// signal aborts, with a reason that says whether anybody can ever want the answer.

import type { CtxCall } from "../ports/host.ts";

/** Reasons beside those of the attempt's own end. ended: the task is over. again: a later attempt may make the same call. */
export type CallsEnd = "ended" | "again";

export class OpenCalls {
  readonly #attempt: AbortSignal;
  readonly #over = new AbortController();
  readonly #open = new Map<symbol, string>();
  #signal: AbortSignal | null = null;

  constructor(attempt: AbortSignal) {
    this.#attempt = attempt;
  }

  /** Aborts with the attempt's end, that of its run or the handler's patience, whichever comes first. */
  signalFor(call: Pick<CtxCall, "signal">): AbortSignal {
    // Made for the first call: most runs make none.
    this.#signal ??= AbortSignal.any([this.#attempt, this.#over.signal]);
    return call.signal ? AbortSignal.any([this.#signal, call.signal]) : this.#signal;
  }

  /** Notes a call until its answer is there. */
  async during<T>(type: string, answer: Promise<T>): Promise<T> {
    const mark = Symbol(type);
    this.#open.set(mark, type);
    try {
      return await answer;
    } finally {
      this.#open.delete(mark);
    }
  }

  /** Nothing of the attempt waits any longer. Answers the calls that were under way. */
  end(reason: CallsEnd): readonly string[] {
    const types = [...this.#open.values()];
    this.#over.abort(reason);
    return types;
  }
}
