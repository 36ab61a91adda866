// A scheduler on a store and a clock that the test moves, with files that the test "edits". Rounds run when the test says so.
import { createScheduleControl } from "../../src/engine/schedules/control.ts";
import type { ScheduleControl } from "../../src/engine/schedules/contract.ts";
import { createScheduler, type Scheduler } from "../../src/engine/schedules/scheduler.ts";
import { Bus, type RuntimeEvent } from "../../src/core/bus.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Occurrence, ScheduleDefinition, StoredSchedule } from "../../src/ports/store-schedules.ts";
import type { Task } from "../../src/ports/store-types.ts";
import { digestOf } from "../../src/catalog/declared-schedules.ts";

export const cron = (expression: string, timezone = "UTC"): Partial<ScheduleDefinition> => ({
  kind: { type: "cron", cron: expression },
  timezone,
});
export const every = (seconds: number): Partial<ScheduleDefinition> => ({
  kind: { type: "interval", interval_seconds: seconds },
});

export function definition(scheduleId: string, fields: Partial<ScheduleDefinition> = {}): ScheduleDefinition {
  return {
    scheduleId,
    workflowName: scheduleId,
    sourcePath: `/w/${scheduleId}.py`,
    kind: { type: "cron", cron: "* * * * *" },
    timezone: "UTC",
    input: { metadata: { source: "workflow_schedule", workflow_name: scheduleId, no_delivery: false } },
    enabled: true,
    noDelivery: false,
    catchup: "latest",
    catchupLimit: 100,
    catchupWindowSeconds: 86_400,
    overlap: "allow",
    jitterSeconds: 0,
    queue: null,
    maxAttempts: null,
    ...fields,
  };
}

export interface BenchOptions {
  readonly startRate?: number;
  readonly removeAfterMs?: number;
  readonly reconcileMs?: number;
}

export class ScheduleBench {
  readonly store: Store;
  readonly clock: Clock & { move(ms: number): void };
  readonly bus = new Bus();
  readonly events: RuntimeEvent[] = [];
  readonly control: ScheduleControl;
  /** What the files declare. */
  files = new Map<string, ScheduleDefinition>();
  /** Whether all of them load. */
  complete = true;
  unsure = new Set<string>();
  /** Workflows that this process does not serve. */
  readonly unserved = new Set<string>();
  pokes = 0;
  scheduler: Scheduler;
  readonly #options: BenchOptions;

  constructor(store: Store, clock: Clock & { move(ms: number): void }, options: BenchOptions = {}) {
    this.store = store;
    this.clock = clock;
    this.#options = options;
    this.bus.subscribe((event) => this.events.push(event));
    this.control = createScheduleControl({
      ...this.#shared(),
      changed: () => undefined,
      checkWorkflow: () => undefined,
    });
    this.scheduler = this.#make();
  }

  #shared() {
    return {
      store: this.store,
      bus: this.bus,
      maxAttempts: 5,
      serves: (name: string) => !this.unserved.has(name),
      poke: () => (this.pokes += 1),
      committed: () => undefined,
    };
  }

  #make(): Scheduler {
    const { startRate = 1_000_000, removeAfterMs = 0, reconcileMs = 0 } = this.#options;
    return createScheduler({
      ...this.#shared(),
      clock: this.clock,
      startRate,
      removeAfterMs,
      reconcileMs,
      declared: () => ({ schedules: this.files, complete: this.complete, unsure: this.unsure }),
      digest: digestOf,
    });
  }

  /** A process that begins anew with the same files. */
  restart(): void {
    this.scheduler = this.#make();
  }

  /** The files are these now, and the scheduler has seen it. */
  async declare(...definitions: readonly ScheduleDefinition[]): Promise<void> {
    this.files = new Map(definitions.map((one) => [one.scheduleId, one]));
    await this.scheduler.tick();
  }

  /** Time passes, and then a round. */
  async pass(ms: number): Promise<void> {
    this.clock.move(ms);
    await this.scheduler.tick();
  }

  async row(scheduleId: string): Promise<StoredSchedule> {
    return (await this.control.get(scheduleId)).schedule;
  }

  /** Oldest first. */
  records(scheduleId: string): Promise<Occurrence[]> {
    return this.store.schedules.occurrences({ scheduleId, ascending: true, limit: 100_000 });
  }

  /** What became of every occurrence, as short lines: "09:00 fired", "10:00-12:00 x3 overlap". */
  async history(scheduleId: string): Promise<string[]> {
    const time = (ms: number): string => new Date(ms).toISOString().slice(11, 19).replace(/:00$/, "");
    return (await this.records(scheduleId)).map(({ at, to, count, outcome, reason }) =>
      at === to ? `${time(at)} ${reason ?? outcome}` : `${time(at)}-${time(to)} x${count ?? "?"} ${reason ?? outcome}`,
    );
  }

  /** Newest last. */
  async tasks(workflowName?: string): Promise<Task[]> {
    const rows = await this.store.reads.list({
      limit: 10_000,
      ...(workflowName === undefined ? {} : { workflowName }),
    });
    return rows.map(({ task }) => task).toReversed();
  }

  /** Completes the oldest due run. */
  async work(): Promise<void> {
    const request = { queue: "centaur_workflows", limit: 1, leaseMs: 60_000, owner: "bench" };
    const [run] = (await this.store.claims.claim([request]))[0]!;
    if (!run) throw new Error("nothing is due");
    await this.store.progress.complete([{ ...run, output: "1" as never }]);
  }

  faults(): string[] {
    return this.events.flatMap((event) => (event.type === "service.error" ? [event.message] : []));
  }
}
