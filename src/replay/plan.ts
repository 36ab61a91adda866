// What a replay found, beside the record: which recorded steps the code keeps, does again or never reaches, which are new, and where it first
// leaves the record. Pure.
import { parseJson, type JsonText } from "../core/json-text.ts";
import type { Reached, Standing } from "../ports/host.ts";
import type { Checkpoint, Failure } from "../ports/store-types.ts";
import type { TaskRecord } from "./task-record.ts";

/** A name in the order in which the handler came to it. */
export interface Seen extends Reached {
  /** Answered from the record. */
  readonly recorded: boolean;
}

export type ReplayEnd =
  | { readonly kind: "result"; readonly value: JsonText }
  | { readonly kind: "error"; readonly failure: Failure }
  /** It came to something that is not recorded and that it was not allowed to do. */
  | { readonly kind: "stands"; readonly at: readonly Standing[] }
  /** It made a call whose answer is not on record. */
  | { readonly kind: "call"; readonly type: string; readonly ordinal: string; readonly message: string }
  /** Code between its steps reached outside. */
  | { readonly kind: "blocked"; readonly failure: Failure }
  /** It could not be followed: no process, a crash, no end within the time. */
  | { readonly kind: "lost"; readonly message: string };

export interface PlanEntry {
  readonly name: string;
  readonly kind: Reached["kind"] | "timeout";
  /** redone: recorded, but that is not to be used. skipped: recorded and never reached. */
  readonly fate: "kept" | "edited" | "redone" | "new" | "skipped";
  /** In the record; null: it is not there. */
  readonly seq: number | null;
  /** Where this code calls it. */
  readonly position: string | null;
  /** Where the code called it that recorded it. */
  readonly recordedPosition: string | null;
}

export interface Divergence {
  /** kind: a name means something else. new: something unrecorded comes before what is recorded. skipped: recorded steps are not reached. wait: what the run waits for is not reached. */
  readonly reason: "kind" | "new" | "skipped" | "wait" | "result" | "error";
  /** The step or wait it is about; null: the end. */
  readonly name: string | null;
  readonly position: string | null;
  /** One sentence. */
  readonly message: string;
}

export interface Found {
  readonly record: TaskRecord;
  /** The recorded part that was offered to the handler, by name. */
  readonly offered: ReadonlyMap<string, Checkpoint>;
  readonly edited: ReadonlySet<string>;
  readonly seen: readonly Seen[];
  readonly end: ReplayEnd;
}

/** Every name once: those the handler came to in its order, then what it passed over in recorded order. */
export function planOf({ record, offered, edited, seen }: Found): PlanEntry[] {
  const all = new Map(record.checkpoints.map((checkpoint) => [checkpoint.name, checkpoint]));
  const reached = new Set(seen.map((one) => one.name));
  const entries = seen.map(({ name, kind, position, recorded }): PlanEntry => {
    const checkpoint = all.get(name);
    const kept = edited.has(name) ? "edited" : "kept";
    const fate = recorded ? kept : checkpoint ? "redone" : "new";
    return {
      name,
      kind,
      fate,
      seq: checkpoint?.seq ?? null,
      position,
      recordedPosition: checkpoint?.position ?? null,
    };
  });
  const skipped = [...offered.values()].filter(({ name }) => !reached.has(name));
  return [...entries, ...skipped.map(skippedEntry)];
}

function skippedEntry({ name, kind, seq, position }: Checkpoint): PlanEntry {
  return { name, kind, fate: "skipped", seq, position: null, recordedPosition: position };
}

/** Where the code first leaves the record. Null: it goes on exactly where the record ends, or ends as the record does. */
export function divergenceOf(found: Found): Divergence | null {
  const { offered, seen, end } = found;
  const reached = new Set(seen.map((one) => one.name));
  const next = [...offered.values()].find(({ name }) => !reached.has(name));
  for (const one of seen) {
    const recorded = offered.get(one.name);
    if (recorded && isOtherKind(recorded, one.kind)) return kindDivergence(recorded, one);
  }
  // What was set aside is recorded all the same: to stand at it is no surprise.
  const names = new Set(found.record.checkpoints.map((checkpoint) => checkpoint.name));
  const fresh = seen.find((one) => !one.recorded && !names.has(one.name));
  if (fresh && next) {
    const what = `${one(fresh)} is not in the record, where ${one(next)} (#${next.seq}) came`;
    return { reason: "new", name: fresh.name, position: fresh.position, message: what };
  }
  if (next && isEnd(end)) {
    const how = end.kind === "result" ? "returns" : `raises ${textOf(end.failure)}`;
    const message = `the handler ${how} without reaching ${one(next)} (#${next.seq})`;
    return { reason: "skipped", name: next.name, position: next.position, message };
  }
  return endDivergence(found, fresh);
}

function isEnd(end: ReplayEnd): end is Extract<ReplayEnd, { kind: "result" | "error" }> {
  return end.kind === "result" || end.kind === "error";
}

function endDivergence({ record, offered, edited, end }: Found, fresh: Seen | undefined): Divergence | null {
  const { task, waits, failures } = record;
  if (task.state === "completed" && fresh) {
    const message = `${one(fresh)} is not in the record, where the run had completed`;
    return { reason: "new", name: fresh.name, position: fresh.position, message };
  }
  if (edited.size > 0) return null;
  if (end.kind === "result" && task.state === "completed" && !isEqual(end.value, task.output)) {
    const message = `the handler returns ${cut(end.value)}, where it had returned ${cut(task.output ?? "null")}`;
    return { reason: "result", name: null, position: null, message };
  }
  if (end.kind === "error" && !failures.some((one) => textOf(one) === textOf(end.failure))) {
    const message = `the handler raises ${textOf(end.failure)}, which it had not`;
    return { reason: "error", name: null, position: null, message };
  }
  if (offered.size < record.checkpoints.length) return null;
  const stands = end.kind === "stands" ? end.at.map((at) => at.name) : [];
  const wait = waits.length > 0 && !waits.some((one) => stands.includes(one.step)) ? waits[0]! : null;
  if (wait === null || (end.kind !== "stands" && end.kind !== "result")) return null;
  const instead = end.kind === "result" ? "the handler returns" : `it comes to ${stands.join(", ")}`;
  const message = `the run waits for ${wait.kind} ${wait.step}, which this code does not reach: ${instead}`;
  return { reason: "wait", name: wait.step, position: null, message };
}

function kindDivergence(recorded: Checkpoint, { name, kind, position }: Seen): Divergence {
  const message = `${name} (#${recorded.seq}) was recorded as a ${recorded.kind} and is now a ${kind}`;
  return { reason: "kind", name, position, message };
}

/** A sleep of nothing is recorded as a step without a result; a wait that timed out as its timeout. */
function isOtherKind({ kind, value }: Checkpoint, used: Reached["kind"]): boolean {
  if (kind === "timeout") return used !== "event" && used !== "task";
  return kind !== used && !(kind === "step" && used === "sleep" && value === "null");
}

function one({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind} ${name}`;
}

function textOf({ name, message }: Failure): string {
  return `${name}: ${message}`;
}

function isEqual(a: JsonText, b: JsonText | null): boolean {
  return b !== null && (a === b || canonical(parseJson(a)) === canonical(parseJson(b)));
}

/** The same text for objects that differ in the order of their members only: a store may keep them in another. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

const SHOWN = 120;

function cut(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
