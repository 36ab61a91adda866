// The engine's face: what HTTP, the command line and webhooks may ask of it.
import type { RunId, TaskId } from "../core/ids.ts";
import type { JsonText } from "../core/json-text.ts";
import type { State } from "../core/states.ts";
import type { NewDelivery, Recorded } from "../ports/store-deliveries.ts";
import type { Cause, Emitted, Enqueued } from "../ports/store-types.ts";
import type { ForkRequest } from "./forks.ts";

export interface CreateRun {
  readonly workflowName: string;
  readonly input: JsonText;
  readonly cause: Cause;
  readonly idempotencyKey?: string;
  readonly maxAttempts?: number;
  readonly harnessType?: string;
  readonly parentTaskId?: TaskId;
  /** Refuse an input that lacks a required field of the Input dataclass (decision D16). */
  readonly strictInput?: boolean;
}

export interface ForkedTask {
  readonly taskId: TaskId;
  readonly runId: RunId;
  /** Checkpoints it was given. */
  readonly kept: number;
}

export interface Engine {
  /** Durable when it answers. Throws ChironError bad_request, unknown_workflow (404, with the nearest names) or workflow_disabled (403). */
  createRun(request: CreateRun): Promise<Enqueued>;
  /** A new task that goes on from a place in another one's record. Throws what createRun throws. */
  fork(request: ForkRequest): Promise<ForkedTask>;
  /** Records a webhook delivery and the run it starts, if any, in one transaction. Throws what createRun throws. */
  deliver(delivery: Omit<NewDelivery, "task">, request: CreateRun | null): Promise<Recorded>;
  /** By task id or any run id. A terminal task is left as it is. Throws not_found. */
  cancel(
    id: string,
  ): Promise<{ readonly taskId: TaskId; readonly runId: RunId; readonly changed: boolean; readonly state: State }>;
  /** One more attempt for a failed task, on `newest` code whatever it began on. Throws not_found, or conflict when it has not failed. */
  retry(
    id: string,
    options?: { readonly code?: "pinned" | "newest" },
  ): Promise<{ readonly taskId: TaskId; readonly runId: RunId; readonly attempt: number }>;
  emit(name: string, payload: JsonText): Promise<Emitted>;
  /** Runs being executed here now. */
  activeRuns(): number;
}

/** Which workflow names may run (reference behaviour, section 4.7). */
export interface Enablement {
  readonly mode: "all" | "allowlist";
  allows(workflowName: string): boolean;
}
