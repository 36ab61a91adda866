// The one bus of typed events. The engine publishes; the log, the event stream of the API and tests subscribe. Listeners run
// in order, at once, inside the publisher's turn: they must be quick and must not throw.
import type { JsonText } from "./json-text.ts";

/** A call to the outside, without what was sent. */
interface AboutEffect {
  readonly effectId: string;
  readonly taskId: string;
  readonly runId: string;
  readonly workflowName: string;
  readonly kind: string;
  readonly callType: string;
  /** A channel, `tool.method`, a harness. */
  readonly target: string | null;
  readonly nature: string;
  readonly by: string;
}

/** Field values are ids, names, counts and texts for a person; never inputs, results or secrets. */
export type RuntimeEvent =
  | {
      readonly type: "task.created";
      readonly taskId: string;
      readonly runId: string;
      readonly workflowName: string;
      readonly queue: string;
      /** The task whose run started it as a child. */
      readonly parentTaskId?: string;
    }
  | {
      readonly type: "run.started";
      readonly taskId: string;
      readonly runId: string;
      readonly workflowName: string;
      readonly queue: string;
      readonly attempt: number;
      readonly generation: string;
      /** From when the run was due until now. */
      readonly delayMs: number;
    }
  | {
      readonly type: "run.step";
      readonly taskId: string;
      readonly runId: string;
      readonly step: string;
      readonly durationMs: number;
    }
  | {
      readonly type: "run.sleeping";
      readonly taskId: string;
      readonly runId: string;
      readonly wakeAt: number | null;
      readonly waits: readonly string[];
    }
  | {
      readonly type: "run.completed";
      readonly taskId: string;
      readonly runId: string;
      readonly workflowName: string;
      readonly attempt: number;
    }
  | {
      readonly type: "run.failed";
      readonly taskId: string;
      readonly runId: string;
      readonly workflowName: string;
      readonly attempt: number;
      readonly name: string;
      readonly message: string;
      readonly nextAttemptAt: number | null;
    }
  | { readonly type: "run.cancelled"; readonly taskId: string; readonly runId: string }
  | { readonly type: "run.released"; readonly taskId: string; readonly runId: string; readonly reason: string }
  | {
      /** The code that the task began on cannot be had any more. */
      readonly type: "run.code_replaced";
      readonly taskId: string;
      readonly runId: string;
      readonly workflowName: string;
      readonly from: string;
      readonly to: string;
      readonly reason: string;
    }
  | { readonly type: "code.loaded"; readonly generation: string; readonly ms: number }
  | {
      /** The code that was loaded would lead this unfinished run away from its record. */
      readonly type: "replay.diverged";
      readonly taskId: string;
      readonly runId: string;
      readonly workflowName: string;
      /** `path:line` in the new code. */
      readonly position: string | null;
      readonly message: string;
    }
  | {
      readonly type: "replay.checked";
      readonly generation: string;
      readonly runs: number;
      readonly diverged: number;
      readonly ms: number;
    }
  | { readonly type: "code.unkept"; readonly generation: string; readonly message: string }
  | { readonly type: "run.lost"; readonly taskId: string; readonly runId: string; readonly reason: string }
  | {
      readonly type: "run.log";
      readonly taskId: string;
      readonly runId: string;
      readonly workflowName: string;
      readonly level: string;
      readonly source: string;
      readonly message: string;
      /** An object, as it was logged. */
      readonly fields: JsonText | null;
    }
  | ({ readonly type: "effect.started" } & AboutEffect)
  /** Buttons in Slack are signed with a key that only this machine has. */
  | { readonly type: "slack.local_key"; readonly file: string }
  /** One line of what a long call says before its answer. */
  | {
      readonly type: "effect.progress";
      readonly effectId: string;
      readonly taskId: string;
      readonly runId: string;
      readonly workflowName: string;
      readonly line: string;
    }
  | ({ readonly type: "effect.done"; readonly durationMs: number } & AboutEffect)
  | ({ readonly type: "effect.failed"; readonly durationMs: number; readonly message: string } & AboutEffect)
  | {
      readonly type: "delivery.received";
      readonly deliveryId: string;
      readonly slug: string;
      readonly workflowName: string;
      readonly outcome: "accepted" | "duplicate" | "filtered" | "handshake" | "rejected";
      /** The HTTP status that the sender got. */
      readonly status: number;
      readonly taskId: string | null;
      readonly remark: string | null;
    }
  | { readonly type: "event.emitted"; readonly name: string; readonly first: boolean; readonly woken: number }
  | {
      readonly type: "catalog.reloaded";
      readonly generation: string;
      readonly added: readonly string[];
      readonly changed: readonly string[];
      readonly removed: readonly string[];
      readonly helpers: readonly string[];
      readonly problems: number;
      readonly workflows: number;
      readonly ms: number;
    }
  | {
      readonly type: "catalog.problem";
      readonly path: string;
      readonly line: number | null;
      readonly kind: string;
      readonly message: string;
      readonly severity: string;
      readonly serving: boolean;
    }
  | { readonly type: "catalog.fixed"; readonly path: string }
  | { readonly type: "catalog.failed"; readonly message: string }
  | { readonly type: "workflow.reaped"; readonly workflowName: string; readonly cancelled: number }
  | {
      readonly type: "schedule.changed";
      readonly scheduleId: string;
      readonly workflowName: string;
      readonly change: "added" | "changed" | "enabled" | "disabled" | "removed" | "paused" | "resumed";
    }
  /** What became of an occurrence, or of several that were skipped for one reason. */
  | {
      readonly type: "schedule.occurred";
      readonly scheduleId: string;
      readonly workflowName: string;
      readonly outcome: "fired" | "held" | "skipped";
      readonly source: "schedule" | "manual" | "backfill";
      readonly reason: string | null;
      readonly from: number;
      readonly to: number;
      readonly count: number | null;
      readonly taskId: string | null;
    }
  | { readonly type: "host.started"; readonly pid: number; readonly generation: string }
  | { readonly type: "host.ended"; readonly pid: number; readonly reason: string }
  /** Output of a host that belongs to no run: module-level prints, the interpreter's own complaints. */
  | {
      readonly type: "host.log";
      readonly pid: number;
      readonly level: string;
      readonly source: string;
      readonly message: string;
      /** The file that was being imported, where it is known. */
      readonly file: string | null;
    }
  | { readonly type: "host.stalled"; readonly pid: number; readonly ms: number; readonly where: string }
  | {
      readonly type: "metric";
      readonly kind: string;
      readonly name: string;
      readonly value: number;
      readonly labels: string;
    }
  /** Somebody moved the clock of the dev engine. */
  | {
      readonly type: "clock.moved";
      readonly mode: "real" | "running" | "frozen";
      readonly now: number;
      /** From the machine's time. */
      readonly offsetMs: number;
    }
  | { readonly type: "service.error"; readonly service: string; readonly message: string };

export type RuntimeEventType = RuntimeEvent["type"];
export type Listener = (event: RuntimeEvent) => void;

export class Bus {
  readonly #listeners = new Set<Listener>();

  publish(event: RuntimeEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Answers the function that ends the subscription. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether anybody listens: lets a hot path skip making an event. */
  get quiet(): boolean {
    return this.#listeners.size === 0;
  }

  /** The next event of this type that fits, for tests and for commands that wait. Resolves null when the signal aborts first. */
  next<T extends RuntimeEventType>(
    type: T,
    fits: (event: Extract<RuntimeEvent, { type: T }>) => boolean = () => true,
    signal?: AbortSignal,
  ): Promise<Extract<RuntimeEvent, { type: T }> | null> {
    return new Promise((resolve) => {
      const stop = this.subscribe((event) => {
        if (event.type !== type || !fits(event as Extract<RuntimeEvent, { type: T }>)) return;
        stop();
        resolve(event as Extract<RuntimeEvent, { type: T }>);
      });
      signal?.addEventListener("abort", () => {
        stop();
        resolve(null);
      });
    });
  }
}
