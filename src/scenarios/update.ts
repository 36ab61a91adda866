// New expectations for a file whose old ones do not hold: only the values that differ are replaced, in the text itself, so that comments,
// order and matchers that do hold stay.
import { isNode, parse } from "yaml";
import type { LoadedScenario } from "./load.ts";
import { pathOf, type Path } from "./located.ts";
import type { Answer } from "./api.ts";
import type { Heard } from "./drive.ts";
import type { Observed, ObservedRun } from "./observe.ts";
import type { ScenarioResult } from "./run-scenario.ts";

export interface Updates {
  /** File -> its new text. */
  readonly files: ReadonlyMap<string, string>;
  /** Scenarios whose differences no new value takes away. */
  readonly left: readonly string[];
}

/** Throws nothing; scenarios with a matrix stand for several and are left alone. */
export function updateExpectations(chosen: readonly LoadedScenario[], results: readonly ScenarioResult[]): Updates {
  const edits = new Map<string, Edit[]>();
  const left: string[] = [];
  for (const result of results) {
    if (result.outcome !== "failed") continue;
    const loaded = chosen.find((one) => one.title === result.title && one.source.file === result.place.file);
    const found = loaded && loaded.scenario.matrix === undefined ? editsFor(loaded, result) : null;
    if (found === null || !loaded) left.push(result.title);
    else edits.set(loaded.source.file, [...(edits.get(loaded.source.file) ?? []), ...found]);
  }
  const files = [...edits].map(([file, of]): [string, string] => {
    const { text } = chosen.find(({ source }) => source.file === file)!.source;
    return [file, of.toSorted((a, b) => b.start - a.start).reduce(applied, text)];
  });
  return { files: new Map(files), left };
}

/** A part of a file's text and what stands there from now on. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function applied(text: string, edit: Edit): string {
  return text.slice(0, edit.start) + edit.text + text.slice(edit.end);
}

/** Null: some difference is not about a value that stands in the file. */
function editsFor({ source }: LoadedScenario, { failures, heard, observed }: ScenarioResult): Edit[] | null {
  if (observed === null || failures.some(({ crash }) => crash !== null)) return null;
  const edits = new Map<number, Edit>();
  for (const { path } of failures) {
    const change = changeFor(pathOf(path), heard, observed);
    const node = change && source.document.getIn([...source.root, ...change.path], true);
    if (!change || !isNode(node) || !node.range) return null;
    const [start, end] = node.range;
    const old = source.text.slice(start, end).trimEnd();
    edits.set(start, { start, end: start + old.length, text: written(change.value, source.file) });
  }
  return [...edits.values()];
}

/** On one line, as it may stand anywhere in a file: JSON, and in YAML without the quotes that a person would leave away. */
function written(value: unknown, file: string): string {
  if (file.endsWith(".json")) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((one) => written(one, file)).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(([name, one]) => `${written(name, file)}: ${written(one, file)}`);
    return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
  }
  const isPlain = typeof value === "string" && PLAIN.test(value) && parse(value) === value;
  return isPlain ? value : JSON.stringify(value);
}

const PLAIN = /^[A-Za-z_](?:[\w ./-]*[\w.])?$/;

interface Change {
  readonly path: Path;
  readonly value: unknown;
}

/** The place of an expectation and what it would have to be; null: it is not one that a value could mend. */
function changeFor(path: Path, heard: readonly Heard[], observed: Observed): Change | null {
  const [list, index] = path;
  if (list === "expect") return expectChange(path, observed);
  const kind = list === "deliveries" ? "delivery" : list === "runs" ? "run" : list === "events" ? "event" : null;
  const one = heard.find(({ happening }) => happening.kind === kind && happening.index === index);
  if (!one) return null;
  const skip = typeof path[3] === "number" ? 4 : 3;
  const repetition = skip === 4 ? heard.filter(({ happening }) => happening.kind === kind && happening.index === index)[Number(path[3])] : one; // prettier-ignore
  return answerChange(path, skip, (repetition ?? one).answer);
}

function answerChange(path: Path, skip: number, answer: Answer): Change | null {
  return valueAt(answer, path, skip);
}

function expectChange(path: Path, observed: Observed): Change | null {
  const [, what, index] = path;
  if (what === "outbox") return { path: ["expect", "outbox"], value: observed.outbox.map(({ kind, target, text }) => ({ kind, target, ...(text === undefined ? {} : { text }) })) }; // prettier-ignore
  if (what === "run" && path.length > 2) return runChange(path, 2, observed.runs[0]);
  if (what === "runs" && typeof index === "number") return runChange(path, 3, observed.runs[index]);
  if (what === "runs") return { path: ["expect", "runs"], value: observed.runs.length };
  return null;
}

function runChange(path: Path, skip: number, run: ObservedRun | undefined): Change | null {
  return run === undefined ? null : valueAt(run, path, skip);
}

/** The observed value at the rest of the path, up to the first matcher or length in it. */
function valueAt(root: unknown, path: Path, skip: number): Change | null {
  let value: unknown = root;
  const done: (string | number)[] = path.slice(0, skip);
  for (const part of path.slice(skip)) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) break;
    if (part === "length") break;
    value = (value as Record<string | number, unknown>)[part];
    done.push(part);
  }
  return done.length > skip ? { path: done, value } : null;
}
