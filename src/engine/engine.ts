// Puts the engine's parts together: intake, worker, leases, reaper, retention. Its face is contract.ts.
import type { Bus } from "../core/bus.ts";
import { ChironError } from "../core/errors.ts";
import type { TaskId } from "../core/ids.ts";
import type { JsonText } from "../core/json-text.ts";
import type { Clock } from "../ports/clock.ts";
import type { Effects } from "../ports/effects.ts";
import type { Store } from "../ports/store.ts";
import { BUILTIN_HOST, BUILTIN_NAMES } from "./builtins.ts";
import { answerCall, type CallDeps } from "./calls.ts";
import type { CreateRun, Enablement, Engine } from "./contract.ts";
import { recordDelivery } from "./deliveries.ts";
import { forkTask } from "./forks.ts";
import { createRun, type IntakeDeps } from "./intake.ts";
import { createRenewer, createSweeper, createWatch, takeOver, type LeaseDeps } from "./leases.ts";
import type { Runnable, WorkflowNames } from "./names.ts";
import { createReaper } from "./reaper.ts";
import { createRetention } from "./retention.ts";
import { createLoop, type Service } from "./service.ts";
import type { EngineSettings } from "./settings.ts";
import type { Walkable } from "./time-walk.ts";
import { createWalkable, type TimedSource } from "./walkable.ts";
import type { TaskCode } from "./task-code.ts";
import { Worker } from "./worker.ts";

export interface EngineDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly settings: EngineSettings;
  readonly names: WorkflowNames;
  readonly enablement: Enablement;
  readonly effects: Effects;
  /** Answers calls of forks from what the task they came from was answered; null: the call goes out. Absent: nobody does. */
  readonly recorded?: CallDeps["recorded"];
  readonly random: () => number;
  readonly uncertain: () => boolean;
  /** What else happens at times of its own. */
  readonly sources?: readonly TimedSource[];
  /** True where one process owns the store: what an earlier one left running is taken over at the start. */
  readonly soleOwner: boolean;
  /** True where claims run beside other transactions: then who commits work says so afterwards, too. */
  readonly concurrentStore: boolean;
  /** Absent: code is not kept, and every run goes on with what serves now. */
  readonly code?: TaskCode;
}

export interface RunningEngine extends Engine {
  /** Takes over orphans and starts every service. */
  start(): Promise<void>;
  /** Gives running work back and ends every service. */
  stop(): Promise<void>;
  /** New code serves: runs that waited for it are due now. */
  reloaded(added: readonly string[]): Promise<void>;
  /** Runs of an earlier process that start() took over. */
  takenOver(): number;
  poke(): void;
  /** For moving its time. */
  readonly walkable: Walkable;
}

/** Built-in names first: a file cannot take one. */
function withBuiltins(names: WorkflowNames): WorkflowNames {
  const builtin = (workflowName: string): Runnable => ({ workflowName, host: BUILTIN_HOST, inputSchema: null });
  return {
    find: (name) => names.find(name) ?? (BUILTIN_NAMES.has(name) ? builtin(name) : undefined),
    all: () => names.all(),
    generation: () => names.generation(),
    ready: () => names.ready(),
  };
}

export function createEngine(deps: EngineDeps): RunningEngine {
  const { store, clock, bus, settings, enablement } = deps;
  const names = withBuiltins(deps.names);
  // Where there is one transaction at a time the claim is part of it; asking again would cost a second one.
  const committed = (): void => {
    if (deps.concurrentStore) worker.poke();
  };
  const intake: IntakeDeps = {
    store,
    bus,
    names,
    enablement,
    defaultMaxAttempts: settings.maxAttempts,
    poke: () => worker.poke(),
    committed,
  };
  const create = (request: CreateRun) => createRun(intake, request);
  const worker: Worker = new Worker({
    ...deps,
    names,
    committed,
    answer: (run, call, signal) => answerCall({ ...deps, createRun: create }, run, call, signal),
  });
  const leaseDeps: LeaseDeps = {
    store,
    clock,
    bus,
    settings,
    attempts: () => worker.attempts.values(),
    poke: () => worker.poke(),
  };
  const control = createControl(deps, worker);
  const services = [worker, ...backgroundServices({ ...deps, names }, leaseDeps, control.cancel)];
  let orphans = 0;
  let unsubscribe: (() => void) | undefined;
  return {
    createRun: create,
    fork: (request) => forkTask(intake, request),
    deliver: (delivery, request) => recordDelivery(intake, delivery, request),
    takenOver: () => orphans,
    ...control,
    activeRuns: () => worker.attempts.size,
    poke: () => worker.poke(),
    walkable: createWalkable({ store, worker, leases: leaseDeps, sources: deps.sources ?? [] }),
    async start() {
      if (deps.soleOwner) orphans = await takeOver(leaseDeps);
      for (const service of services) service.start();
      unsubscribe = store.claims.subscribe?.(() => worker.poke());
    },
    async stop() {
      unsubscribe?.();
      await Promise.all(services.map((service) => service.stop()));
    },
    async reloaded(added) {
      if (added.length > 0) await store.claims.unpark(added);
      worker.poke();
    },
  };
}

/** Often enough that what this process serves is known to be in use, see TaskCode. */
const PRUNE_CODE_MS = 3_600_000;

/** What goes on beside the work: leases, removed workflows, retention. */
function backgroundServices(deps: EngineDeps, leaseDeps: LeaseDeps, cancel: Engine["cancel"]): Service[] {
  const { settings, code } = deps;
  return [
    createRenewer(leaseDeps),
    createSweeper(leaseDeps),
    deps.soleOwner ? null : createWatch(leaseDeps),
    settings.reconcileMs > 0 ? createReaper({ ...deps, cancel }) : null,
    createRetention({ ...deps, retentionMs: settings.retentionMs }),
    code ? createLoop("code", PRUNE_CODE_MS, deps, () => code.prune()) : null,
  ].filter((service): service is Service => service !== null);
}

/** What another machine ran would run again here, with its effects. */
async function refuseImported(store: Store, id: string): Promise<void> {
  const found = await store.reads.find(id);
  if (found?.task.cause.kind !== "import") return;
  throw new ChironError("conflict", `task ${found.task.taskId} was imported: it is a record and is not run`, {
    hint: "Fork it: the fork is a task of its own.",
  });
}

function createControl({ store, bus }: EngineDeps, worker: Worker): Pick<Engine, "cancel" | "retry" | "emit"> {
  const taskOf = async (id: string): Promise<TaskId> => {
    const found = await store.reads.find(id);
    if (!found) throw new ChironError("not_found", `workflow run not found: ${id}`);
    return found.task.taskId;
  };
  return {
    async cancel(id) {
      const taskId = await taskOf(id);
      const answer = (await store.tasks.cancel([taskId]))[0]!;
      if (!answer.ok) throw new ChironError("not_found", `workflow run not found: ${id}`);
      worker.attempts.get(answer.runId)?.cancel();
      if (answer.changed) bus.publish({ type: "run.cancelled", taskId, runId: answer.runId });
      // A parent may wait for this task.
      worker.poke();
      return answer;
    },
    async retry(id, { code = "pinned" } = {}) {
      await refuseImported(store, id);
      const answer = (await store.tasks.retry([await taskOf(id)], { unpin: code === "newest" }))[0]!;
      if (answer.ok) {
        worker.poke();
        return answer;
      }
      if (answer.reason === "not_found") throw new ChironError("not_found", `workflow run not found: ${id}`);
      throw new ChironError(
        "conflict",
        `run ${id} is ${answer.state ?? "not failed"}: only a failed one can be retried`,
      );
    },
    async emit(name: string, payload: JsonText) {
      const answer = (await store.events.emit([{ name, payload }]))[0]!;
      bus.publish({ type: "event.emitted", name, first: answer.first, woken: answer.woken.length });
      if (answer.woken.length > 0) worker.poke();
      return answer;
    },
  };
}
