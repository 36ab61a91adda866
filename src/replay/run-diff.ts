// How two runs differ: input, steps side by side, end, code. Timings and code are told and are no difference: two runs are equal
// when they got the same, did the same and ended the same.
import { sha256Of } from "../core/source-code.ts";
import type { StoredGeneration } from "../ports/store-code.ts";
import type { Checkpoint, Failure } from "../ports/store-types.ts";
import { alignSteps } from "./align.ts";
import type { RecordedRun } from "./recorded-run.ts";
import { diffJson, type JsonDiff } from "./json-diff.ts";

export interface DiffedStep {
  readonly name: string;
  /** Its name in the other history, where the number of its use differs. */
  readonly otherName: string | null;
  readonly status: "same" | "changed" | "only_a" | "only_b" | "moved";
  readonly kinds: readonly [Checkpoint["kind"] | null, Checkpoint["kind"] | null];
  readonly durations: readonly [number | null, number | null];
  /** When it was recorded, in ms after the task was made. */
  readonly at: readonly [number | null, number | null];
  readonly positions: readonly [string | null, string | null];
  /** Of its result. */
  readonly diff: JsonDiff;
}

export interface DiffedFile {
  /** Below its workflow folder. */
  readonly path: string;
  readonly change: "added" | "removed" | "changed";
}

export interface Divergence {
  readonly where: "workflow" | "input" | "step" | "end";
  /** Index into steps; null unless where is "step". */
  readonly step: number | null;
  readonly message: string;
}

export interface RunDiff {
  readonly equal: boolean;
  readonly first: Divergence | null;
  readonly input: JsonDiff;
  readonly steps: readonly DiffedStep[];
  readonly output: JsonDiff;
  /** How each attempt stands or ended. */
  readonly states: readonly [string, string];
  readonly failures: readonly [Failure | null, Failure | null];
  readonly totals: readonly [number | null, number | null];
  /** Null: of one of them no code is kept. */
  readonly code: readonly DiffedFile[] | null;
}

const NO_DIFF: JsonDiff = { changes: [], more: false };

export function diffRuns(a: RecordedRun, b: RecordedRun): RunDiff {
  const input = diffJson(a.task.input, b.task.input);
  const output = diffJson(outputOf(a), outputOf(b));
  const steps = diffSteps(a, b);
  const first = firstDivergence(a, b, input, steps, output);
  return {
    equal: first === null,
    first,
    input,
    steps,
    output,
    states: [a.run.state, b.run.state],
    failures: [a.run.failure, b.run.failure],
    totals: [totalOf(a), totalOf(b)],
    code: a.generation && b.generation ? diffCode(a.generation, b.generation) : null,
  };
}

/** Of the task's last attempt only: an earlier one had none. */
function outputOf({ task, run }: RecordedRun) {
  return run.runId === task.lastRunId ? task.output : null;
}

function totalOf({ run }: RecordedRun): number | null {
  return run.startedAt === null || run.finishedAt === null ? null : run.finishedAt - run.startedAt;
}

function diffSteps(a: RecordedRun, b: RecordedRun): DiffedStep[] {
  const alignable = ({ name, value }: Checkpoint) => ({ name, digest: sha256Of(Buffer.from(value)) });
  const pairs = alignSteps(a.checkpoints.map(alignable), b.checkpoints.map(alignable));
  return pairs.map(({ a: i, b: j, moved }) => {
    const left = i === null ? null : a.checkpoints[i]!;
    const right = j === null ? null : b.checkpoints[j]!;
    const both = left !== null && right !== null;
    const diff = both ? diffJson(left.value, right.value) : NO_DIFF;
    const equal = both && left.kind === right.kind && diff.changes.length === 0;
    const status = left === null ? "only_b" : right === null ? "only_a" : !equal ? "changed" : moved ? "moved" : "same";
    return {
      name: (left ?? right)!.name,
      otherName: both && left.name !== right.name ? right.name : null,
      status,
      kinds: [left?.kind ?? null, right?.kind ?? null],
      durations: [left?.durationMs ?? null, right?.durationMs ?? null],
      at: [left && left.createdAt - a.task.createdAt, right && right.createdAt - b.task.createdAt],
      positions: [left?.position ?? null, right?.position ?? null],
      diff,
    };
  });
}

function firstDivergence(
  a: RecordedRun,
  b: RecordedRun,
  input: JsonDiff,
  steps: readonly DiffedStep[],
  output: JsonDiff,
): Divergence | null {
  const plain = (where: Divergence["where"], message: string): Divergence => ({ where, step: null, message });
  if (a.task.workflowName !== b.task.workflowName) {
    return plain("workflow", `they are runs of ${a.task.workflowName} and of ${b.task.workflowName}`);
  }
  if (input.changes[0]) return plain("input", `the inputs differ at ${input.changes[0].path}`);
  const at = steps.findIndex(({ status }) => status !== "same");
  if (at >= 0) return { where: "step", step: at, message: stepMessage(steps[at]!) };
  if (a.run.state !== b.run.state) return plain("end", `A is ${a.run.state}, B is ${b.run.state}`);
  if (failureText(a.run.failure) !== failureText(b.run.failure)) {
    return plain("end", `A failed with ${failureText(a.run.failure)}, B with ${failureText(b.run.failure)}`);
  }
  if (output.changes[0]) return plain("end", `the results differ at ${output.changes[0].path}`);
  return null;
}

function stepMessage({ name, status, kinds, diff }: DiffedStep): string {
  if (status === "only_a") return `only A has step ${name}`;
  if (status === "only_b") return `only B has step ${name}`;
  if (status === "moved") return `step ${name} comes at another place`;
  if (kinds[0] !== kinds[1]) return `${name} is recorded as ${kinds[0]} in A, as ${kinds[1]} in B`;
  return `the results of step ${name} differ at ${diff.changes[0]!.path}`;
}

function failureText(failure: Failure | null): string {
  return failure === null ? "nothing" : `${failure.name}: ${failure.message}`;
}

/** Files by their place below the workflow folders: the same project may lie elsewhere on another machine. */
function diffCode(a: StoredGeneration, b: StoredGeneration): DiffedFile[] {
  if (a.id === b.id) return [];
  const old = relativeFiles(a);
  const now = relativeFiles(b);
  const paths = [...new Set([...old.keys(), ...now.keys()])].toSorted();
  return paths.flatMap((path) => {
    if (old.get(path) === now.get(path)) return [];
    return [{ path, change: !old.has(path) ? "added" : !now.has(path) ? "removed" : "changed" }];
  });
}

function relativeFiles({ dirs, files }: StoredGeneration): Map<string, string> {
  const relative = (path: string): string => {
    const dir = dirs.find((one) => path.startsWith(`${one}/`));
    return dir === undefined ? path : path.slice(dir.length + 1);
  };
  return new Map(Object.entries(files).map(([path, sha256]) => [relative(path), sha256]));
}
