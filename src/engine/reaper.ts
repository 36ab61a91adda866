// Cancels the active runs of workflows that were removed (reference behaviour, section 4.8): after so many passes in a row without the
// name. Built-ins are always known, a pass over an empty catalog says nothing, and a file that does not load is not a removed one.
import type { Bus } from "../core/bus.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { BUILTIN_NAMES } from "./builtins.ts";
import type { WorkflowNames } from "./names.ts";
import { createLoop, type Service } from "./service.ts";
import type { EngineSettings } from "./settings.ts";

export interface ReaperDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly settings: EngineSettings;
  readonly names: WorkflowNames;
  /** Whether some file's state leaves open which workflow it holds. */
  readonly uncertain: () => boolean;
  readonly cancel: (taskId: string) => Promise<unknown>;
}

/** Tasks cancelled per name and pass. */
const REAP_LIMIT = 1_000;

export function createReaper(deps: ReaperDeps): Service {
  const missing = new Map<string, number>();
  return createLoop("reaper", deps.settings.reconcileMs, deps, () => pass(deps, missing));
}

async function pass(deps: ReaperDeps, missing: Map<string, number>): Promise<void> {
  const { names, settings } = deps;
  const known = new Set(names.all());
  if (settings.reapAfter === 0 || !names.ready() || known.size === 0 || deps.uncertain()) return;
  const gone = (await deps.store.reads.activeNames()).filter((name) => !known.has(name) && !BUILTIN_NAMES.has(name));
  for (const name of missing.keys()) if (!gone.includes(name)) missing.delete(name);
  for (const name of gone) {
    const count = (missing.get(name) ?? 0) + 1;
    missing.set(name, count);
    if (count >= settings.reapAfter) await reap(deps, name);
  }
}

async function reap(deps: ReaperDeps, workflowName: string): Promise<void> {
  const taskIds = await deps.store.reads.activeOf(workflowName, REAP_LIMIT);
  for (const taskId of taskIds) await deps.cancel(taskId);
  deps.bus.publish({ type: "workflow.reaped", workflowName, cancelled: taskIds.length });
}
