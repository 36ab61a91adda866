// New expectations for a file whose old ones do not hold: only the values that differ are replaced, in the document itself, so that comments,
// order and matchers that do hold stay.
import type { Document } from "yaml";
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
  const touched = new Map<string, Set<Document>>();
  const left: string[] = [];
  for (const result of results) {
    if (result.outcome !== "failed") continue;
    const loaded = chosen.find((one) => one.title === result.title && one.source.file === result.place.file);
    if (!loaded || loaded.scenario.matrix !== undefined || !replaceAll(loaded, result)) left.push(result.title);
    else {
      const { file, document } = loaded.source;
      touched.set(file, (touched.get(file) ?? new Set()).add(document));
    }
  }
  const files = [...touched.keys()].map((file): [string, string] => [file, textOf(file, chosen)]);
  return { files: new Map(files), left };
}

/** The file anew, from all of its documents. */
function textOf(file: string, chosen: readonly LoadedScenario[]): string {
  const documents = chosen.find(({ source }) => source.file === file)!.source.documents;
  if (file.endsWith(".json")) return `${JSON.stringify(documents[0]!.toJS(), null, 2)}\n`;
  return documents
    .map((document, at) => document.toString({ lineWidth: 0, ...(at > 0 ? { directives: true } : {}) }))
    .join("");
}

function replaceAll({ source }: LoadedScenario, { failures, heard, observed }: ScenarioResult): boolean {
  if (observed === null || failures.some(({ crash }) => crash !== null)) return false;
  const done = new Set<string>();
  return failures.every(({ path }) => {
    const change = changeFor(pathOf(path), heard, observed);
    if (change === null) return false;
    const key = JSON.stringify(change.path);
    if (!done.has(key))
      source.document.setIn([...source.root, ...change.path], source.document.createNode(change.value));
    done.add(key);
    return true;
  });
}

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
