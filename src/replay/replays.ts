// Replays of what the store holds, on the code that is asked for: one in full, or many for the question whether changed code still follows
// what was recorded. What is replayed is left as it is.
import { ChironError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Clock } from "../ports/clock.ts";
import type { GenerationHost } from "../ports/host.ts";
import type { Store } from "../ports/store.ts";
import type { Run, Task, TaskFilter } from "../ports/store-types.ts";
import { BUILTIN_NAMES } from "../engine/builtins.ts";
import type { OlderCode } from "../engine/task-code.ts";
import type { WorkflowNames } from "../engine/names.ts";
import { isTerminal } from "../core/states.ts";
import type { Divergence } from "./plan.ts";
import { replay, type Replay, type ReplayRequest } from "./session.ts";
import { readTaskRecord, recordOf, type TaskRecord } from "./task-record.ts";

export const CODE_CHOICES = ["current", "original"] as const;
export type CodeChoice = (typeof CODE_CHOICES)[number];

export interface ReplaysDeps {
  readonly store: Pick<Store, "reads" | "effects">;
  readonly clock: Clock;
  readonly names: WorkflowNames;
  /** Code that serves no longer. */
  readonly older: (generation: string, workflowName: string) => Promise<OlderCode>;
}

export interface CheckOptions {
  readonly workflowName?: string;
  /** Only runs that have not ended. */
  readonly unfinished?: boolean;
  /** The newest so many tasks. */
  readonly last: number;
  /** Leaves out runs that the current code has made itself. */
  readonly changedOnly?: boolean;
  /** Of one run. */
  readonly limitMs?: number;
  /** Ends it early: what was not looked at is not told. */
  readonly signal?: AbortSignal;
}

/** follows: the code goes along with the record. unclear: it could not be followed to the record's end, or leaves it just as the code that made it. */
export interface Checked {
  readonly taskId: string;
  readonly runId: string;
  readonly workflowName: string;
  readonly state: Task["state"];
  readonly outcome: "follows" | "diverged" | "unclear";
  readonly divergence: Divergence | null;
  readonly message: string | null;
}

/** So many handlers at once: enough to keep the processes busy, few enough to leave room for runs. */
const AT_ONCE = 32;
const PAGE = 200;
const CHECK_LIMIT_MS = 5_000;

export class Replays {
  readonly #deps: ReplaysDeps;

  constructor(deps: ReplaysDeps) {
    this.#deps = deps;
  }

  /** The record of a task, by its id or a run's. Throws not_found. */
  async record(id: string): Promise<TaskRecord> {
    const record = await readTaskRecord(this.#deps.store.reads, id);
    if (record) return record;
    throw new ChironError("not_found", `workflow run not found: ${id}`);
  }

  async one(record: TaskRecord, code: CodeChoice, options: Omit<ReplayRequest, "record" | "host">): Promise<Replay> {
    const host = await this.host(record, code);
    return replay(this.#deps, { ...options, record, host });
  }

  /** What runs the workflow of this task. Throws unknown_workflow, or not_found for code that is not kept. */
  async host({ task, run }: TaskRecord, code: CodeChoice): Promise<GenerationHost> {
    const { workflowName } = task;
    const { names, older } = this.#deps;
    const current = names.find(workflowName)?.host;
    const original = run.generation ?? task.pinnedGeneration;
    if (code === "current") {
      if (current) return current;
      const near = nearest(workflowName, names.all());
      const hint = near.length > 0 ? `Did you mean ${near.join(" or ")}?` : "Load the folder that has it.";
      throw new ChironError("unknown_workflow", `there is no workflow ${workflowName} now`, { hint });
    }
    if (current && current.generation.id === original) return current;
    const found: OlderCode =
      original === null ? { kind: "gone", reason: "no attempt has begun" } : await older(original, workflowName);
    if (found.kind === "here") return found.runnable.host;
    const why = `the code that ran task ${task.taskId} cannot be had: ${found.reason}`;
    throw new ChironError(found.kind === "later" ? "unavailable" : "not_found", why);
  }

  /** Replays many on the current code, newest first. */
  async *check(options: CheckOptions): AsyncGenerator<Checked> {
    const working = new Set<Promise<void>>();
    const done: Checked[] = [];
    for await (const row of this.#tasks(options)) {
      const work = this.#check(row, options).then((checked) => {
        done.push(checked);
        working.delete(work);
      });
      working.add(work);
      if (working.size >= AT_ONCE) await Promise.race(working);
      yield* done.splice(0);
    }
    await Promise.all(working);
    yield* done;
  }

  async *#tasks({ workflowName, unfinished, last, changedOnly, signal }: CheckOptions) {
    const filter = {
      ...(workflowName === undefined ? {} : { workflowName }),
      ...(unfinished ? { states: ["pending", "running", "sleeping"] as const } : {}),
    };
    let before: TaskFilter["before"];
    for (let left = last; left > 0;) {
      const limit = Math.min(PAGE, left);
      const page = await this.#deps.store.reads.list({ ...filter, limit, ...(before ? { before } : {}) });
      for (const row of page) {
        if (signal?.aborted) return;
        // Its code is the engine's own.
        if (BUILTIN_NAMES.has(row.task.workflowName)) continue;
        const isOwn = row.run.generation === this.#deps.names.find(row.task.workflowName)?.host.generation.id;
        if (!(changedOnly && isOwn)) yield row;
      }
      if (page.length < limit) return;
      left -= page.length;
      before = page.at(-1)!.task.taskId;
    }
  }

  async #check(row: { readonly task: Task; readonly run: Run }, options: CheckOptions): Promise<Checked> {
    const { task, run } = row;
    const about = { taskId: task.taskId, runId: run.runId, workflowName: task.workflowName, state: task.state };
    const host = this.#deps.names.find(task.workflowName)?.host;
    if (!host) {
      const message = `this code has no workflow ${task.workflowName}`;
      // What has ended needs its code no more.
      return { ...about, outcome: isTerminal(task.state) ? "unclear" : "diverged", divergence: null, message };
    }
    const record = await recordOf(this.#deps.store.reads, row);
    const limitMs = options.limitMs ?? CHECK_LIMIT_MS;
    const { divergence, end } = await replay(this.#deps, { record, host, limitMs });
    if (divergence === null) {
      const message = unclearEnd(record, end);
      return { ...about, outcome: message === null ? "follows" : "unclear", divergence, message };
    }
    const own = await this.#ownDivergence(record, limitMs);
    const same = own !== null && own.reason === divergence.reason && own.name === divergence.name;
    if (!same) return { ...about, outcome: "diverged", divergence, message: divergence.message };
    const message = `${divergence.message}; the code that made the record leaves it there as well: a step failed there and the handler went on, or it is not deterministic`;
    return { ...about, outcome: "unclear", divergence, message };
  }

  /** Where the code that made the record leaves it itself; null: nowhere, or that cannot be had. */
  async #ownDivergence(record: TaskRecord, limitMs: number): Promise<Divergence | null> {
    const host = await this.host(record, "original").catch(() => null);
    if (!host) return null;
    // The same code twice also tells a handler that does something else each time.
    return (await replay(this.#deps, { record, host, limitMs })).divergence;
  }
}

function unclearEnd({ task, checkpoints }: TaskRecord, end: Replay["end"]): string | null {
  switch (end.kind) {
    case "lost":
      return end.message;
    case "blocked":
      return `not followed further: ${end.failure.message}`;
    case "call":
      return task.state === "completed" || checkpoints.length === 0 ? end.message : null;
    case "stands":
    case "result":
    case "error":
      return null;
  }
}
