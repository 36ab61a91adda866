// After each reload, tells which unfinished runs the new code would lead away from their record. Beside the work, never in its way: so many
// runs and so much time at most, and a newer reload ends it.
import type { Bus } from "../core/bus.ts";
import { messageOf } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Replays } from "./replays.ts";

export interface ReloadCheckDeps {
  readonly replays: Pick<Replays, "check">;
  readonly bus: Bus;
  readonly clock: Clock;
}

const MOST_RUNS = 200;
const RUN_LIMIT_MS = 1_000;
const LIMIT_MS = 5_000;

export class ReloadCheck {
  readonly name = "reload-check";
  readonly #deps: ReloadCheckDeps;
  #unsubscribe: (() => void) | null = null;
  #current: { readonly ending: AbortController; readonly work: Promise<void> } | null = null;

  constructor(deps: ReloadCheckDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#unsubscribe ??= this.#deps.bus.subscribe((event) => {
      if (event.type === "catalog.reloaded") this.#begin(event.generation);
    });
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    this.#current?.ending.abort();
    await this.#current?.work;
  }

  #begin(generation: string): void {
    const before = this.#current;
    before?.ending.abort();
    const ending = new AbortController();
    const work = (before?.work ?? Promise.resolve())
      .then(() => this.#check(generation, ending))
      .catch((error: unknown) => {
        this.#deps.bus.publish({ type: "service.error", service: this.name, message: messageOf(error) });
      });
    this.#current = { ending, work };
  }

  async #check(generation: string, ending: AbortController): Promise<void> {
    const { replays, bus, clock } = this.#deps;
    if (ending.signal.aborted) return;
    const began = clock.now();
    const over = new AbortController();
    const limit = clock.sleep(LIMIT_MS, over.signal).then(() => ending.abort());
    let runs = 0;
    let diverged = 0;
    try {
      const options = { unfinished: true, changedOnly: true, last: MOST_RUNS, limitMs: RUN_LIMIT_MS };
      for await (const one of replays.check({ ...options, signal: ending.signal })) {
        runs += 1;
        if (one.outcome !== "diverged") continue;
        diverged += 1;
        const { taskId, runId, workflowName, message } = one;
        const position = one.divergence?.position ?? null;
        bus.publish({ type: "replay.diverged", taskId, runId, workflowName, position, message: message ?? "" });
      }
    } finally {
      over.abort();
      await limit;
    }
    if (runs > 0) bus.publish({ type: "replay.checked", generation, runs, diverged, ms: clock.now() - began });
  }
}
