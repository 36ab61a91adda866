// The turns under way in this process, by execution key: who asks again under a key joins the turn it belongs to instead of starting a
// second one. A turn whose run has failed, crashed or gone to sleep waits a little for the next attempt; one that nobody will ask for
// again is stopped.
import { ChironError } from "../../core/errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { AgentAnswer, StopReason, TurnWatch } from "./backend.ts";

/** Longer than the longest pause between two attempts of a run (60 s). */
const ABANDONED_MS = 90_000;

/** Reasons of a call's signal after which nobody can ask this process again. */
const FINAL: Readonly<Record<string, StopReason>> = {
  cancelled: "stopped",
  ended: "stopped",
  shutdown: "left",
  lease_lost: "left",
  not_found: "left",
};

interface LiveTurn {
  readonly answer: Promise<AgentAnswer>;
  readonly watchers: Set<(line: string) => void>;
  readonly stop: AbortController;
  /** Ends the waiting for somebody to come back. */
  rejoined: AbortController | null;
}

export class LiveTurns {
  readonly #clock: Clock;
  readonly #turns = new Map<string, LiveTurn>();
  readonly #queue: (() => void)[] = [];
  #free: number;

  /** At most `limit` turns at a time; more wait in the order in which they came. */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#free = limit;
  }

  /** The answer of the turn with this key; begins it when it is not under way. */
  async join(key: string, watch: TurnWatch, begin: (watch: TurnWatch) => Promise<AgentAnswer>): Promise<AgentAnswer> {
    let turn = this.#turns.get(key);
    // One that is being stopped has to be gone before it is begun again.
    while (turn?.stop.signal.aborted) {
      await turn.answer.catch(() => undefined);
      this.#forget(key, turn);
      turn = this.#turns.get(key);
    }
    if (watch.signal.aborted) throw gone(watch.signal);
    turn ??= this.#begin(key, watch.line, begin);
    turn.watchers.add(watch.line);
    turn.rejoined?.abort();
    turn.rejoined = null;
    try {
      return await unless(watch.signal, turn.answer);
    } finally {
      turn.watchers.delete(watch.line);
      this.#left(key, turn, watch.signal);
    }
  }

  /** Leaves every turn and waits until none is left. */
  async close(): Promise<void> {
    const all = [...this.#turns.values()];
    for (const turn of all) {
      turn.rejoined?.abort();
      turn.stop.abort("left" satisfies StopReason);
    }
    await Promise.allSettled(all.map((turn) => turn.answer));
  }

  /** `first` is there before the turn says anything. */
  #begin(key: string, first: TurnWatch["line"], begin: (watch: TurnWatch) => Promise<AgentAnswer>): LiveTurn {
    const stop = new AbortController();
    const watchers = new Set([first]);
    const line = (text: string): void => watchers.forEach((watcher) => watcher(text));
    const turn: LiveTurn = {
      answer: this.#inTurn(stop.signal, () => begin({ signal: stop.signal, line })),
      watchers,
      stop,
      rejoined: null,
    };
    this.#turns.set(key, turn);
    // A failure is told to those who wait for it; the next who asks begins anew.
    turn.answer.catch(() => this.#forget(key, turn));
    return turn;
  }

  #forget(key: string, turn: LiveTurn): void {
    if (this.#turns.get(key) === turn) this.#turns.delete(key);
  }

  /** Somebody has their answer, or does not wait for it any longer. */
  #left(key: string, turn: LiveTurn, signal: AbortSignal): void {
    if (turn.watchers.size > 0) return;
    if (!signal.aborted) return this.#forget(key, turn);
    const reason = FINAL[String(signal.reason)];
    if (reason === undefined) return void this.#keep(key, turn);
    turn.stop.abort(reason);
    turn.answer.then(
      () => this.#forget(key, turn),
      () => undefined,
    );
  }

  /** Nobody watches now; the run's next attempt may. */
  async #keep(key: string, turn: LiveTurn): Promise<void> {
    const rejoined = new AbortController();
    turn.rejoined = rejoined;
    await this.#clock.sleep(ABANDONED_MS, rejoined.signal);
    if (rejoined.signal.aborted) return;
    turn.stop.abort("left" satisfies StopReason);
    await turn.answer.catch(() => undefined);
    this.#forget(key, turn);
  }

  async #inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#place(signal);
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  #place(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.#queue.splice(this.#queue.indexOf(enter), 1);
        reject(gone(signal));
      };
      this.#queue.push(enter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}

function gone(signal: AbortSignal): ChironError {
  return new ChironError("unavailable", `the agent's turn was given up: ${String(signal.reason)}`);
}

async function unless<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  const given = Promise.withResolvers<never>();
  const give = (): void => given.reject(gone(signal));
  signal.addEventListener("abort", give, { once: true });
  try {
    return await Promise.race([answer, given.promise]);
  } finally {
    signal.removeEventListener("abort", give);
  }
}
