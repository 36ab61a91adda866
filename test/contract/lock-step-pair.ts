// Two stores that are told the same and must say the same. Ids differ between them, so each side's are named by the order in which they
// were first seen; what the port leaves open (the tokens, the due time of a run that is not waiting) is left out.
import { expect } from "vitest";
import type { TaskId } from "../../src/core/ids.ts";
import type { ClaimedRun, Run } from "../../src/ports/store-types.ts";
import { Given } from "./given.ts";
import type { OpenedStore } from "./contract.ts";
import { shownDeliveries } from "./lock-step-deliveries.ts";
import { shownSchedules } from "./lock-step-schedules.ts";

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** One side: a store, and the names of the ids it has handed out. */
export class Side {
  readonly given: Given;
  readonly claims: ClaimedRun[] = [];
  readonly tasks: TaskId[] = [];
  readonly #names = new Map<string, string>();

  constructor({ store, clock }: OpenedStore) {
    this.given = new Given(store, clock);
  }

  /** What was answered, with names for ids. */
  name(answer: unknown): string {
    const text = JSON.stringify(answer, sorted, 1) ?? "";
    return text.replaceAll(UUID, (id) => {
      const name = this.#names.get(id) ?? `id-${this.#names.size + 1}`;
      this.#names.set(id, name);
      return name;
    });
  }

  /** Everything that can be asked of the store. */
  async all(): Promise<unknown> {
    const { reads, events, claims } = this.given.store;
    const tasks = await Promise.all(
      this.tasks.map(async (taskId) => ({
        found: shown(await reads.find(taskId)),
        runs: (await reads.runs(taskId)).map(settled),
        checkpoints: await reads.checkpoints(taskId),
        waits: await reads.waits(taskId),
      })),
    );
    const lists = await Promise.all(
      [{}, { states: ["failed"] }, { states: ["sleeping", "completed"] }, { workflowName: "b" }].map((filter) =>
        reads.list({ limit: 100, ...filter } as never),
      ),
    );
    return {
      tasks,
      lists: lists.map((rows) => rows.map(({ task }) => task.taskId)),
      names: (await reads.activeNames()).toSorted(),
      active: await reads.activeOf("a", 5),
      counts: (await reads.counts())
        .map((row) => JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))))
        .toSorted(),
      due: await claims.nextDueAt(["centaur_workflows", "other"]),
      schedules: await shownSchedules(this),
      deliveries: await shownDeliveries(this),
      events: await Promise.all(["x", "y"].map((name) => events.get(name))),
    };
  }
}

/** The order in which an object names its fields is nobody's promise. */
function sorted(key: string, value: unknown): unknown {
  if (key === "claimToken") return undefined;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function shown(found: { task: unknown; run: Run } | null): unknown {
  return found && { task: found.task, run: settled(found.run) };
}

/** When a run was due is of interest while it waits; afterwards each store keeps what it likes. */
function settled(run: Run): Run {
  return run.state === "pending" || run.state === "sleeping" ? run : { ...run, availableAt: null };
}

export class Pair {
  readonly left: Side;
  readonly right: Side;

  constructor(left: OpenedStore, right: OpenedStore) {
    this.left = new Side(left);
    this.right = new Side(right);
  }

  /** Does the same on both sides and compares what they answer and what they show. */
  async both(what: string, act: (side: Side) => Promise<unknown>): Promise<void> {
    const answers = await Promise.all([this.left, this.right].map((side) => act(side)));
    expect(this.right.name(answers[1]), `the answer to ${what}`).toBe(this.left.name(answers[0]));
    const seen = await Promise.all([this.left.all(), this.right.all()]);
    expect(this.right.name(seen[1]), `what is seen after ${what}`).toBe(this.left.name(seen[0]));
  }

  move(ms: number): void {
    for (const { given } of [this.left, this.right]) given.clock.move(ms);
  }

  async close(): Promise<void> {
    await Promise.all([this.left, this.right].map(({ given }) => given.store.admin.close()));
  }
}
