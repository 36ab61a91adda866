// Which code a claimed run goes on with: what serves now, or the generation its task is pinned to. Code that cannot be had any more is
// replaced by what serves now; the run says so once, because its task is then pinned to that.
import { messageOf } from "../core/errors.ts";
import type { Bus } from "../core/bus.ts";
import { idTime } from "../core/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import type { ClaimedRun } from "../ports/store-types.ts";
import type { Code } from "./attempt.ts";
import type { Runnable, WorkflowNames } from "./names.ts";

/** Where code that serves no longer can be had. later: not at this moment; gone: never again. */
export type OlderCode =
  | { readonly kind: "here"; readonly runnable: Runnable }
  | { readonly kind: "later" | "gone"; readonly reason: string };

export interface TaskCode {
  /** Settles when all code that serves here is recorded, rejects while the store cannot; null: all is. Nothing is claimed before. */
  pending(): Promise<void> | null;
  /** Null: tasks go on with what serves now. */
  readonly older: ((generation: string, workflowName: string) => Promise<OlderCode>) | null;
  /** Forgets code that nothing needs. */
  prune(): Promise<void>;
}

export type Choice = Code | { readonly release: string; readonly delayMs: number; readonly unpin: boolean };

export interface ChoiceDeps {
  readonly store: Pick<Store, "logs">;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: () => number;
  readonly names: WorkflowNames;
  readonly code?: TaskCode;
}

/**
 * How long a run of a workflow that is not loaded waits before it is looked at again, in ms: as long as it is there already, so that a new
 * run soon meets a replica that has newer code, within these bounds. The file's return wakes it at once.
 */
const SHORTEST_PARK_MS = 1_000;
const LONGEST_PARK_MS = 30_000;
/** The same for code that cannot be had at this moment; up to twice as long, so that runs do not come back together. */
const LATER_MS = 5_000;

/** `claimed`: the generation that served when the run was claimed, which a new task is pinned to. */
export function chooseCode(deps: ChoiceDeps, run: ClaimedRun, claimed: string): Choice | Promise<Choice> {
  const { workflowName, pinnedGeneration: pinned } = run;
  const serving = deps.names.find(workflowName);
  const isNew = pinned === null || pinned === claimed;
  const older = deps.code?.older ?? null;
  if (isNew || older === null || pinned === serving?.host.generation.id) {
    // A pin to code that does not have the workflow is the claim's own.
    return serving ? { runnable: serving, pin: isNew } : notLoaded(deps, run, pinned !== null && isNew);
  }
  return chooseOlder(deps, run, pinned, older);
}

function notLoaded({ clock }: ChoiceDeps, { workflowName, runId }: ClaimedRun, unpin: boolean): Choice {
  const madeAt = idTime(runId);
  const ageMs = madeAt === null ? LONGEST_PARK_MS : clock.now() - madeAt;
  const delayMs = Math.min(LONGEST_PARK_MS, Math.max(SHORTEST_PARK_MS, ageMs));
  return { release: `workflow ${workflowName} is not loaded`, delayMs, unpin };
}

async function chooseOlder(
  deps: ChoiceDeps,
  run: ClaimedRun,
  pinned: string,
  older: NonNullable<TaskCode["older"]>,
): Promise<Choice> {
  const found = await older(pinned, run.workflowName).catch((error: unknown): OlderCode => ({
    kind: "later",
    reason: messageOf(error),
  }));
  if (found.kind === "here") return { runnable: found.runnable, pin: false };
  if (found.kind === "later") {
    const release = `its code, generation ${brief(pinned)}, cannot be had now: ${found.reason}`;
    return { release, delayMs: LATER_MS * (1 + deps.random()), unpin: false };
  }
  const serving = deps.names.find(run.workflowName);
  if (!serving) return notLoaded(deps, run, false);
  sayReplaced(deps, run, pinned, serving.host.generation.id, found.reason);
  return { runnable: serving, pin: true };
}

function sayReplaced(
  { bus, store, clock }: ChoiceDeps,
  run: ClaimedRun,
  from: string,
  to: string,
  reason: string,
): void {
  const { taskId, runId, workflowName } = run;
  const message = `it goes on with newer code, generation ${brief(to)}; the code it began on, ${brief(from)}, cannot be had any more: ${reason}`;
  bus.publish({ type: "run.code_replaced", taskId, runId, workflowName, from, to, reason });
  const line = { taskId, runId, at: clock.now(), level: "warn", source: "chiron", message, fields: null } as const;
  store.logs.append([line]).catch((error: unknown) => {
    bus.publish({ type: "service.error", service: "logs", message: messageOf(error) });
  });
}

/** As much of a generation's id as a person compares. */
function brief(generation: string): string {
  return generation.slice(0, 12);
}
