// Reads scenario files: YAML documents or lists, or JSON of the same shape, each scenario once for each combination of its matrix. What is
// wrong is told with file, line, column and the nearest name that would be right; nothing is run from a folder with a bad file.
import fs from "node:fs";
import path from "node:path";
import { LineCounter, parseAllDocuments, type Document } from "yaml";
import type { z } from "zod";
import { ChironError, messageOf } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { checkMatchers } from "./check-matchers.ts";
import { ScenarioSchema, type Scenario } from "./format.ts";
import { placeOf, placeText, type Path, type Place, type Source } from "./located.ts";
import { combinations } from "./matrix.ts";

export interface LoadedScenario {
  readonly scenario: Scenario;
  /** With the matrix's values, such as `name [size=2]`. */
  readonly title: string;
  readonly source: Source;
  /** Folder of the file, for body_file. */
  readonly dir: string;
}

export interface Mistake {
  readonly place: Place;
  readonly message: string;
}

const SUFFIX = /\.scenario\.(?:ya?ml|json)$/;
const SKIPPED = new Set(["node_modules", "__pycache__", ".git", ".chiron", ".venv"]);

/** Scenario files at these paths: files as they are, folders with everything beneath. Throws bad_request for a path that is not there. */
export function findScenarioFiles(paths: readonly string[]): string[] {
  const found = paths.flatMap((one) => {
    const stat = fs.statSync(one, { throwIfNoEntry: false });
    if (!stat) throw new ChironError("bad_request", `there is no file or folder ${one}`);
    return stat.isDirectory() ? walk(one) : [path.resolve(one)];
  });
  return [...new Set(found)].toSorted();
}

function walk(dir: string): string[] {
  return fs.readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const full = path.resolve(dir, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : walk(full);
    return SUFFIX.test(entry.name) ? [full] : [];
  });
}

/** The scenarios of one file. */
export function readScenarioFile(file: string): { scenarios: LoadedScenario[]; mistakes: Mistake[] } {
  const scenarios: LoadedScenario[] = [];
  const mistakes: Mistake[] = [];
  const lines = new LineCounter();
  let documents: Document[];
  let text: string;
  try {
    text = fs.readFileSync(file, "utf8");
    const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
    documents = Array.isArray(parsed) ? [...(parsed as Document[])] : [];
  } catch (error) {
    return { scenarios, mistakes: [{ place: { file, line: 1, column: 1 }, message: messageOf(error) }] };
  }
  for (const document of documents) {
    for (const error of document.errors) {
      const { line, col } = lines.linePos(error.pos[0]);
      mistakes.push({ place: { file, line, column: col }, message: error.message });
    }
    if (document.errors.length > 0) continue;
    const value: unknown = document.toJS();
    if (value === null || value === undefined) continue;
    const list = Array.isArray(value) ? value.map((one, at): [unknown, Path] => [one, [at]]) : [[value, []] as const];
    for (const [one, root] of list) readOne(one, { file, document, text, lines, root }, scenarios, mistakes);
  }
  mistakes.sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  return { scenarios, mistakes };
}

function readOne(value: unknown, source: Source, scenarios: LoadedScenario[], mistakes: Mistake[]): void {
  const told = new Set<string>();
  const note = (at: Path, message: string): void => {
    const place = placeOf(source, at);
    const key = `${placeText(place)} ${message}`;
    if (told.has(key)) return;
    told.add(key);
    mistakes.push({ place, message });
  };
  for (const { title, value: expanded } of combinations(value, note)) {
    const parsed = ScenarioSchema.safeParse(expanded);
    if (!parsed.success) {
      for (const issue of parsed.error.issues) tell(issue, note);
      continue;
    }
    const scenario = parsed.data;
    checkMatchers(scenario, note);
    checkReferences(scenario, note);
    scenarios.push({ scenario, title: scenario.name + title, source, dir: path.dirname(source.file) });
  }
}

type Note = (at: Path, message: string) => void;
type Issue = z.core.$ZodIssue;

function tell(issue: Issue, note: Note): void {
  const at = issue.path.filter((one): one is string | number => typeof one !== "symbol");
  if (issue.code === "unrecognized_keys") {
    for (const key of issue.keys) note([...at, key], `unknown field "${key}"${meant(key, at)}`);
    return;
  }
  if (issue.code === "invalid_union") {
    // The branch that came furthest is the one that was meant.
    const branches = issue.errors.filter((one) => one.length > 0).toSorted((a, b) => depth(b) - depth(a));
    const [best] = branches;
    if (best && depth(best) > 0) {
      for (const inner of best) tell({ ...inner, path: [...issue.path, ...inner.path] } as Issue, note);
      return;
    }
  }
  const name = at.length === 0 ? "the scenario" : at.join(".");
  note(at, `${name}: ${issue.message}`);
}

function depth(issues: readonly Issue[]): number {
  return Math.max(...issues.map((one) => one.path.length * 2 + (one.code === "unrecognized_keys" ? 1 : 0)));
}

function meant(key: string, at: Path): string {
  const [near] = nearest(key, fieldsAt(at), 1);
  return near === undefined ? `; known here: ${fieldsAt(at).join(", ")}` : `; did you mean "${near}"?`;
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

let described: JsonSchema | null = null;

/** The fields that the schema has at a place. */
function fieldsAt(at: Path): string[] {
  described ??= ScenarioSchema.toJSONSchema({ io: "input" }) as JsonSchema;
  const root = described;
  const open = (one: JsonSchema): JsonSchema[] => {
    const target = one.$ref === undefined ? one : root.$defs?.[one.$ref.split("/").at(-1)!];
    return target === undefined ? [] : [target, ...(target.anyOf ?? []).flatMap(open)];
  };
  let places = open(root);
  for (const part of at) {
    places = places.flatMap((one) => {
      const next = typeof part === "number" ? one.items : (one.properties?.[part] ?? one.additionalProperties);
      return next === undefined || typeof next === "boolean" ? [] : open(next);
    });
  }
  return [...new Set(places.flatMap((one) => Object.keys(one.properties ?? {})))];
}

/** What one part says about another that is not there. */
function checkReferences(scenario: Scenario, note: Note): void {
  const deliveries = scenario.deliveries ?? [];
  deliveries.forEach((one, at) => {
    const bodies = (["sample", "fixture", "body", "body_file", "body_raw", "body_base64"] as const).filter(
      (name) => name in one,
    );
    if (bodies.length > 1) note(["deliveries", at, bodies[1]!], `a delivery has ${bodies.join(" and ")}: one of them`);
    const before = deliveries.slice(0, at).some((other) => other.id === one.same_as);
    if (one.same_as !== undefined && !before) {
      note(["deliveries", at, "same_as"], `same_as: no delivery before this one has the id "${one.same_as}"`);
    }
    const named = one.hook ?? scenario.hook ?? one.same_as ?? one.fixture;
    if (named === undefined) {
      note(["deliveries", at], "deliveries: this one names no hook, and the scenario names none for all");
    }
  });
  scenario.runs?.forEach((one, at) => {
    if (one.workflow === undefined && scenario.workflow === undefined) {
      note(["runs", at], "runs: this one names no workflow, and the scenario names none for all");
    }
  });
  if (scenario.schedules && scenario.until === undefined) {
    note(["schedules"], "schedules: they never end; say with until how far time goes, for example until: 7d");
  }
  const ids = [...deliveries, ...(scenario.runs ?? []), ...(scenario.events ?? [])].map((one) => one.id);
  const twice = ids.find((one, at) => one !== undefined && ids.indexOf(one) !== at);
  if (twice !== undefined) note([], `the id "${twice}" is used twice`);
}
