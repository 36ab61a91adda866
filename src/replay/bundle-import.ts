// Takes a bundle into a store as a record: looked at, compared, forked and replayed, never run. What was under way where it came from is
// ended here as cancelled. The code in it gets names of its own, so that it can never pass for code of this machine, and is not run.
import { ChironError } from "../core/errors.ts";
import { queueOf } from "../core/queues.ts";
import { sha256Of } from "../core/source-code.ts";
import { isTerminal } from "../core/states.ts";
import type { Store } from "../ports/store.ts";
import type { StoredGeneration } from "../ports/store-code.ts";
import type { LogLine, Run, Task } from "../ports/store-types.ts";
import type { Bundle, BundleParts } from "./bundle.ts";
import { invalid } from "./bundle-file.ts";

export interface Imported {
  readonly task: Task;
  /** How it stood where it came from. */
  readonly state: Task["state"];
  readonly redacted: boolean;
}

/** Ends the names of imported code, which no generation of this machine has. */
const IMPORTED = "-imported";

/** Throws ChironError bundle_invalid, or conflict when the task is here already. */
export async function importBundle(store: Store, bundle: Bundle, now: number): Promise<Imported> {
  const { about, parts } = bundle;
  checkWhole(bundle);
  const names = await keepCode(store, parts);
  const original = parts.task[0]!;
  const task = endedTask(original, about.exportedAt, names);
  const { taskId } = task;
  const runs = parts.runs.map((run) => endedRun(run, about.exportedAt, names));
  const added = await store.imports.add({
    task,
    runs,
    checkpoints: parts.checkpoints.map((row) => ({ ...row, taskId })),
    logs: [...parts.logs, remark(bundle, task, now)],
    effects: parts.effects.map((effect) =>
      effect.state === "started"
        ? { ...effect, state: "failed", finishedAt: about.exportedAt, error: UNDER_WAY }
        : effect,
    ),
    // No delivery key comes with them: an import must not keep a later delivery from starting a run.
    deliveries: parts.deliveries,
  });
  if (!added.ok) {
    throw new ChironError("conflict", `task ${taskId}, or a run of it, is in this store already`, {
      hint: `See "chiron runs show ${taskId}".`,
      details: { task_id: taskId },
    });
  }
  return { task, state: original.state, redacted: about.redacted };
}

const UNDER_WAY = "it was under way when the task was exported";

/** What the rows say together. Throws bundle_invalid. */
function checkWhole({ about, parts }: Bundle): void {
  const [task] = parts.task;
  const { runs } = parts;
  if (!task) throw invalid("it holds no task");
  const { taskId, state } = task;
  if (taskId !== about.taskId.toLowerCase()) throw invalid("its task is not the one its first line names");
  const byId = new Map(runs.map((run) => [run.runId, run]));
  if (byId.size !== runs.length || new Set(runs.map(({ attempt }) => attempt)).size !== runs.length) {
    throw invalid("two of its runs are the same");
  }
  if (byId.has(taskId as string as Run["runId"])) throw invalid("a run has the task's id");
  if (byId.get(task.lastRunId)?.state !== state) throw invalid("the task does not stand as its last run does");
  if ((state === "completed") !== (task.output !== null))
    throw invalid("a task has a result exactly when it completed");
  if (runs.some((run) => (run.state === "failed") !== (run.failure !== null))) {
    throw invalid("a run has a failure exactly when it failed");
  }
  const belongs = [...runs, ...parts.logs, ...parts.effects].every((row) => row.taskId === taskId);
  const ran = [...parts.logs, ...parts.effects].every((row) => byId.has(row.runId));
  if (parts.effects.some((effect) => (effect.state === "started") !== (effect.finishedAt === null))) {
    throw invalid("a call has an end exactly when it is over");
  }
  if (parts.deliveries.some(({ outcome, key }) => outcome !== "accepted" || key === null)) {
    throw invalid("a delivery that started a task was accepted under a key");
  }
  const delivered = parts.deliveries.every((row) => row.taskId === taskId);
  if (!belongs || !ran || !delivered) throw invalid("something in it belongs to another task");
  if (new Set(parts.checkpoints.map(({ name }) => name)).size !== parts.checkpoints.length) {
    throw invalid("two of its steps have one name");
  }
  for (const rows of [parts.effects, parts.deliveries]) {
    if (new Set(rows.map(({ id }) => id)).size !== rows.length) throw invalid("two of its rows have one id");
  }
  for (const { sha256, content } of parts.sources) {
    if (sha256Of(Buffer.from(content, "base64")) !== sha256)
      throw invalid(`a file of its code is not what its hash says: ${sha256}`);
  }
}

/** Keeps what of its code is complete. Answers the names it has here. */
async function keepCode(store: Store, { generations, sources }: BundleParts): Promise<ReadonlyMap<string, string>> {
  const contents = new Map(sources.map(({ sha256, content }) => [sha256, Buffer.from(content, "base64")]));
  const names = new Map<string, string>();
  for (const generation of generations) {
    const hashes = [...new Set(Object.values(generation.files))];
    const id = nameHere(generation);
    const kept = hashes.flatMap((sha256) => {
      const content = contents.get(sha256);
      return content ? [{ sha256, content }] : [];
    });
    names.set(generation.id, id);
    // Without all of its content it stays a name.
    if (kept.length === hashes.length) await store.code.record({ ...generation, id }, kept);
  }
  return names;
}

function nameHere({ dirs, files, workflows }: StoredGeneration): string {
  const sorted = Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sha256Of(Buffer.from(JSON.stringify([dirs, sorted, workflows]))) + IMPORTED;
}

function renamed(generation: string | null, names: ReadonlyMap<string, string>): string | null {
  return generation === null ? null : (names.get(generation) ?? sha256Of(Buffer.from(generation)) + IMPORTED);
}

function endedTask(task: Task, endedAt: number, names: ReadonlyMap<string, string>): Task {
  const { kind, ref } = task.cause;
  const over = isTerminal(task.state);
  return {
    ...task,
    queue: queueOf(task.workflowName),
    state: over ? task.state : "cancelled",
    finishedAt: over ? (task.finishedAt ?? endedAt) : endedAt,
    updatedAt: over ? task.updatedAt : endedAt,
    idempotencyKey: null,
    parentTaskId: null,
    cause: { kind: "import", ref: `${task.state} ${kind}${ref === undefined ? "" : ` ${ref}`}`.slice(0, 512) },
    pinnedGeneration: renamed(task.pinnedGeneration, names),
  };
}

function endedRun(run: Run, endedAt: number, names: ReadonlyMap<string, string>): Run {
  const generation = renamed(run.generation, names);
  if (isTerminal(run.state)) return { ...run, generation, finishedAt: run.finishedAt ?? endedAt };
  return { ...run, generation, state: "cancelled", finishedAt: endedAt };
}

/** The line of its log that says where it comes from. */
function remark({ about, parts }: Bundle, task: Task, now: number): LogLine {
  const { state, cause } = parts.task[0]!;
  const waits = parts.waits.map(({ step, kind, target }) => `${step} (${kind}${target === null ? "" : ` ${target}`})`);
  const message = [
    `imported from a bundle of Chiron ${about.chironVersion}, exported ${new Date(about.exportedAt).toISOString()}`,
    `it was ${state} there, started by ${cause.kind}`,
    ...(waits.length > 0 ? [`it waited for ${waits.join(", ")}`] : []),
    ...(about.redacted ? [`secrets and personal data are stand-ins, in ${about.replaced.length} values`] : []),
  ].join("; ");
  return {
    taskId: task.taskId,
    runId: task.lastRunId,
    at: now,
    level: "info",
    source: "chiron",
    message,
    fields: null,
  };
}
