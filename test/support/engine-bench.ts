// An engine on an in-memory store, a clock that the test moves and workflows that the test scripts.
import { Bus, type RuntimeEvent } from "../../src/core/bus.ts";
import type { JsonText } from "../../src/core/json-text.ts";
import { createEngine, type RunningEngine } from "../../src/engine/engine.ts";
import { DEFAULT_SETTINGS, type EngineSettings } from "../../src/engine/settings.ts";
import type { TimedSource } from "../../src/engine/walkable.ts";
import { openSqlite } from "../../adapters/sqlite/open.ts";
import { VirtualClock } from "../../adapters/node/virtual-clock.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Effects } from "../../src/ports/effects.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Task } from "../../src/ports/store-types.ts";
import { ScriptedNames } from "./scripted-host.ts";

export const START_MS = Date.UTC(2026, 0, 1);

export interface Bench<C extends Clock = VirtualClock> {
  readonly clock: C;
  readonly bus: Bus;
  readonly store: Store;
  readonly names: ScriptedNames;
  readonly engine: RunningEngine;
  readonly events: RuntimeEvent[];
  create(
    workflowName: string,
    input?: unknown,
    extra?: Record<string, unknown>,
  ): Promise<{ taskId: Task["taskId"]; runId: string; created: boolean }>;
  task(id: string): Promise<Task>;
  /** Resolves when an event of this type about this task has come, also when it came before. */
  seen(type: RuntimeEvent["type"], taskId?: string, count?: number): Promise<RuntimeEvent>;
  close(): Promise<void>;
}

export interface BenchOptions<C extends Clock = VirtualClock> {
  readonly settings?: Partial<EngineSettings>;
  readonly effects?: Effects;
  readonly store?: Store;
  readonly clock?: C;
  readonly allows?: (name: string) => boolean;
  readonly soleOwner?: boolean;
  readonly sources?: readonly TimedSource[];
}

const NO_EFFECTS: Effects = { types: new Set(), call: () => Promise.reject(new Error("no effects")) };

/** Stands still at START_MS unless it is given a clock of another kind. */
export async function openBench<C extends Clock = VirtualClock>(options: BenchOptions<C> = {}): Promise<Bench<C>> {
  const clock = options.clock ?? (new VirtualClock(START_MS) as Clock as C);
  const bus = new Bus();
  const events: RuntimeEvent[] = [];
  bus.subscribe((event) => events.push(event));
  const store = options.store ?? (await openSqlite({ path: ":memory:", clock }));
  const names = new ScriptedNames();
  const allows = options.allows ?? (() => true);
  const engine = createEngine({
    store,
    clock,
    bus,
    names,
    settings: { ...DEFAULT_SETTINGS, owner: "bench-1", graceMs: 0, ...options.settings },
    enablement: { mode: "all", allows },
    effects: options.effects ?? NO_EFFECTS,
    random: () => 0.5,
    uncertain: () => false,
    soleOwner: options.soleOwner ?? true,
    sources: options.sources ?? [],
    concurrentStore: false,
  });
  await engine.start();
  return {
    clock,
    bus,
    store,
    names,
    engine,
    events,
    create: (workflowName, input = {}, extra = {}) =>
      engine.createRun({ workflowName, input: JSON.stringify(input) as JsonText, cause: { kind: "api" }, ...extra }),
    task: async (id) => (await store.reads.find(id))!.task,
    seen: (type, taskId, count = 1) => {
      const fits = (event: RuntimeEvent): boolean =>
        event.type === type && (taskId === undefined || (event as { taskId?: string }).taskId === taskId);
      const matching = events.filter(fits);
      if (matching.length >= count) return Promise.resolve(matching[count - 1]!);
      let left = count - matching.length;
      return new Promise((resolve) => {
        const stop = bus.subscribe((event) => {
          if (!fits(event)) return;
          left -= 1;
          if (left > 0) return;
          stop();
          resolve(event);
        });
      });
    },
    async close() {
      await engine.stop();
      await store.admin.close();
    },
  };
}
