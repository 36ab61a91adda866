// Remembers what a store has said and shown, and fails when it takes any of it back: the invariants, checked after every operation.
import { expect } from "vitest";
import type { TaskId } from "../../src/core/ids.ts";
import { isTerminal, mayBecome } from "../../src/core/states.ts";
import type { Checkpoint, ClaimedRun, ClaimRef, Enqueued, Retried, Run, Task } from "../../src/ports/store-types.ts";
import { LEASE_MS, type Given } from "./given.ts";

interface Seen {
  readonly task: Task;
  readonly runs: readonly Run[];
  readonly checkpoints: readonly Checkpoint[];
}

export class Witness {
  /** Every claim there was, live or stale. */
  readonly claims: ClaimedRun[] = [];
  readonly #given: Given;
  readonly #leases = new Map<string, number>();
  readonly #tokens = new Set<string>();
  readonly #keys = new Map<string, TaskId>();
  readonly #seen = new Map<TaskId, Seen | null>();
  #mayVanish = 0;
  #value = 0;

  constructor(given: Given) {
    this.#given = given;
  }

  nextValue(): number {
    return (this.#value += 1);
  }

  enqueued({ taskId, created }: Enqueued, key: string | null): void {
    const earlier = key === null ? undefined : this.#keys.get(key);
    expect(created).toBe(earlier === undefined);
    if (earlier !== undefined) expect(taskId).toBe(earlier);
    if (key !== null) this.#keys.set(key, taskId);
    if (!this.#seen.has(taskId)) this.#seen.set(taskId, null);
  }

  claimed(runs: readonly ClaimedRun[]): void {
    const now = this.#given.clock.now();
    expect(new Set(runs.map(({ runId }) => runId)).size).toBe(runs.length);
    for (const run of runs) {
      expect(this.#tokens.has(run.claimToken)).toBe(false);
      expect(run.dueAt).toBeLessThanOrEqual(now);
      for (const { kind, value } of run.recorded) {
        if (kind === "sleep") expect(Date.parse(JSON.parse(value) as string)).toBeLessThanOrEqual(now);
      }
      this.#tokens.add(run.claimToken);
      this.#leases.set(run.claimToken, run.leaseUntil);
      this.claims.push(run);
    }
  }

  renewed(ref: ClaimRef): void {
    this.#leases.set(ref.claimToken, this.#given.clock.now() + LEASE_MS);
  }

  /** This claim has ended by its own hand. */
  gaveUp(ref: ClaimRef): void {
    this.#leases.delete(ref.claimToken);
  }

  forgotten(count: number): void {
    this.#mayVanish = count;
  }

  retried(answer: Retried): void {
    if (!answer.ok) return;
    const seen = this.#seen.get(answer.taskId);
    expect(seen?.task.state).toBe("failed");
    // The one way out of an end: as far as this witness knows the task starts again.
    this.#seen.set(answer.taskId, null);
  }

  /** Whether a write under this claim must be taken: it was not given up, its lease lasts, its run still runs. */
  async mayWrite({ runId, claimToken }: ClaimRef): Promise<boolean> {
    const until = this.#leases.get(claimToken);
    if (until === undefined || until <= this.#given.clock.now()) return false;
    return (await this.#given.store.reads.find(runId))?.run.state === "running";
  }

  /** Compares everything with what was there before. */
  async look(): Promise<void> {
    const { reads } = this.#given.store;
    const listed = new Map((await reads.list({ limit: 1_000 })).map((row) => [row.task.taskId, row]));
    for (const [taskId, before] of this.#seen) {
      const row = listed.get(taskId);
      if (!row) {
        this.#vanished(taskId, before);
        continue;
      }
      const runs = await reads.runs(taskId);
      const checkpoints = await reads.checkpoints(taskId);
      const seen = { task: row.task, runs, checkpoints };
      checkShape(seen, row.run);
      if (before) checkChange(before, seen);
      this.#seen.set(taskId, seen);
    }
    expect(this.#mayVanish).toBe(0);
  }

  #vanished(taskId: TaskId, before: Seen | null): void {
    expect(this.#mayVanish).toBeGreaterThan(0);
    if (before) expect(isTerminal(before.task.state)).toBe(true);
    this.#mayVanish -= 1;
    this.#seen.delete(taskId);
  }
}

function checkShape({ task, runs, checkpoints }: Seen, newest: Run): void {
  expect(runs.at(-1)).toEqual(newest);
  expect(task.state).toBe(newest.state);
  expect(task.lastRunId).toBe(newest.runId);
  expect(runs.map(({ attempt }) => attempt)).toEqual(runs.map((_, index) => index + 1));
  expect(runs.length).toBeLessThanOrEqual(task.maxAttempts);
  for (const run of runs.slice(0, -1)) expect(run.state).toBe("failed");
  expect(checkpoints.map(({ seq }) => seq)).toEqual(checkpoints.map((_, index) => index + 1));
  expect(new Set(checkpoints.map(({ name }) => name)).size).toBe(checkpoints.length);
}

function checkChange(before: Seen, after: Seen): void {
  if (isTerminal(before.task.state)) expect(after).toEqual(before);
  expect(after.checkpoints.slice(0, before.checkpoints.length)).toEqual(before.checkpoints);
  before.runs.forEach((run, index) => {
    const now = after.runs[index]!;
    expect(now.runId).toBe(run.runId);
    if (now.state !== run.state) expect(mayBecome(run.state, now.state), `${run.state} to ${now.state}`).toBe(true);
  });
}
