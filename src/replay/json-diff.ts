// Where two JSON values differ, by path. Works on the texts, so numbers that JavaScript cannot hold are told apart; spacing and the order
// of keys are no difference. What it answers is bounded: past the limits a difference is told as one of the value around it.
import { sliceElements } from "../core/json-elements.ts";
import { sliceMembers, type JsonText } from "../core/json-text.ts";

/** before and after are JSON texts, cut where they are long. */
export interface JsonChange {
  /** `$`, `$.items[2].name`, `$["a b"]`. */
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  readonly before: string | null;
  readonly after: string | null;
}

export interface JsonDiff {
  readonly changes: readonly JsonChange[];
  /** More than MOST_CHANGES differ; the rest is not listed. */
  readonly more: boolean;
}

const MOST_CHANGES = 200;
/** Each level reads what is below it once more. */
const DEEPEST = 40;
const LONGEST_VALUE = 2_000;
const PLAIN_KEY = /^[A-Za-z_$][\w$]*$/;

/** Null stands for a value that is not there at all. Both texts must be JSON. */
export function diffJson(before: JsonText | null, after: JsonText | null): JsonDiff {
  const changes: JsonChange[] = [];
  compare("$", before, after, 0, changes);
  return { changes: changes.slice(0, MOST_CHANGES), more: changes.length > MOST_CHANGES };
}

function compare(
  path: string,
  before: JsonText | null,
  after: JsonText | null,
  depth: number,
  changes: JsonChange[],
): void {
  if (before === after || changes.length > MOST_CHANGES) return;
  if (before === null || after === null) {
    changes.push({ path, kind: before === null ? "added" : "removed", before: cut(before), after: cut(after) });
    return;
  }
  const kind = kindOf(before);
  if (kind === kindOf(after) && depth < DEEPEST) {
    if (kind === "object") return compareObjects(path, before, after, depth, changes);
    if (kind === "array") return compareArrays(path, before, after, depth, changes);
  }
  if (kind === "string" && kindOf(after) === "string" && JSON.parse(before) === JSON.parse(after)) return;
  changes.push({ path, kind: "changed", before: cut(before), after: cut(after) });
}

function compareObjects(path: string, before: JsonText, after: JsonText, depth: number, changes: JsonChange[]): void {
  const old = sliceMembers(before);
  const now = sliceMembers(after);
  for (const [key, value] of old) {
    compare(pathOf(path, key), value, now.get(key) ?? null, depth + 1, changes);
  }
  for (const [key, value] of now) {
    if (!old.has(key)) compare(pathOf(path, key), null, value, depth + 1, changes);
  }
}

/** What both begin and end with is laid side by side, so that one more element in the middle is one difference. */
function compareArrays(path: string, before: JsonText, after: JsonText, depth: number, changes: JsonChange[]): void {
  const old = sliceElements(before);
  const now = sliceElements(after);
  const shorter = Math.min(old.length, now.length);
  let head = 0;
  while (head < shorter && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const length = Math.max(old.length, now.length) - tail;
  for (let at = head; at < length && changes.length <= MOST_CHANGES; at += 1) {
    const was = at < old.length - tail ? old[at]! : null;
    const is = at < now.length - tail ? now[at]! : null;
    compare(`${path}[${at}]`, was, is, depth + 1, changes);
  }
}

function kindOf(text: string): "object" | "array" | "string" | "other" {
  const first = text.trimStart()[0];
  return first === "{" ? "object" : first === "[" ? "array" : first === '"' ? "string" : "other";
}

function pathOf(path: string, key: string): string {
  return PLAIN_KEY.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}

function cut(text: string | null): string | null {
  return text === null || text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}…`;
}
