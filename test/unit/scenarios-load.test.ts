// Reading scenario files: what they may say, and how a mistake in one is told.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findScenarioFiles, readScenarioFile } from "../../src/scenarios/load.ts";
import { pathOf, placeOf } from "../../src/scenarios/located.ts";
import { schemaDocument } from "../../src/scenarios/schema-document.ts";

let dir: string;

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-scenarios-"));
});

afterEach(() => {
  fs.rmSync(dir, { recursive: true, force: true });
});

function read(text: string, name = "a.scenario.yaml") {
  const file = path.join(dir, name);
  fs.writeFileSync(file, text);
  const { scenarios, mistakes } = readScenarioFile(file);
  return {
    scenarios,
    titles: scenarios.map(({ title }) => title),
    mistakes: mistakes.map(({ place, message }) => `${place.line}:${place.column} ${message}`),
  };
}

test("a file holds one scenario, several documents, or a list", () => {
  expect(read("name: one\n").titles).toEqual(["one"]);
  expect(read("name: one\n---\nname: two\n---\n# nothing\n").titles).toEqual(["one", "two"]);
  expect(read("- name: one\n- name: two\n").titles).toEqual(["one", "two"]);
});

test("JSON of the same shape is read as well", () => {
  expect(read('[{"name": "one", "workflow": "hello", "runs": [{}]}]', "a.scenario.json").titles).toEqual(["one"]);
});

test("scenario files are found beneath folders, but not in those of packages and caches", () => {
  for (const name of [
    "a.scenario.yaml",
    "x/b.scenario.yml",
    "x/c.scenario.json",
    "x/d.yaml",
    "node_modules/e.scenario.yaml",
  ]) {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), "name: one\n");
  }
  expect(findScenarioFiles([dir]).map((file) => path.relative(dir, file))).toEqual([
    "a.scenario.yaml",
    "x/b.scenario.yml",
    "x/c.scenario.json",
  ]);
});

test("a path that is not there is refused", () => {
  expect(() => findScenarioFiles([path.join(dir, "nowhere")])).toThrow(/no file or folder/);
});

test.each([
  [
    "nme: x\n",
    ["1:1 name: Invalid input: expected string, received undefined", '1:1 unknown field "nme"; did you mean "name"?'],
  ],
  ["name: x\nhok: y\n", ['2:1 unknown field "hok"; did you mean "hook"?']],
  ["name: x\nhook: h\ndeliveries:\n  - sampel: y\n", ['4:5 unknown field "sampel"; did you mean "sample"?']],
  ["name: x\nexpect: { runs: [{ statsu: failed }] }\n", ['2:20 unknown field "statsu"; did you mean "status"?']],
  ["name: x\nexpect: { run: { children: [{ reslt: 1 }] } }\n", ['2:31 unknown field "reslt"; did you mean "result"?']],
  [
    "name: x\nstubs: { steps: { a: { resutl: 1, error: no } } }\n",
    ['2:24 unknown field "resutl"; did you mean "result"?'],
  ],
  [
    "name: x\nhook: h\ndeliveries: [{ delay: soon }]\n",
    ["3:16 deliveries.0.delay: is not a duration such as 500ms, 90s, 5m or 7d"],
  ],
  ["name: x\ndeliveries: [{}]\n", ["2:14 deliveries: this one names no hook, and the scenario names none for all"]],
  ["name: x\nruns: [{}]\n", ["2:8 runs: this one names no workflow, and the scenario names none for all"]],
  [
    "name: x\nhook: h\ndeliveries: [{ same_as: first }]\n",
    ['3:16 same_as: no delivery before this one has the id "first"'],
  ],
  ["name: x\nhook: h\ndeliveries: [{ sample: a, body: {} }]\n", ["3:27 a delivery has sample and body: one of them"]],
  [
    "name: x\nschedules: true\n",
    ["2:1 schedules: they never end; say with until how far time goes, for example until: 7d"],
  ],
  ["name: x\nworkflow: w\nruns: [{ id: a }, { id: a }]\n", ['1:1 the id "a" is used twice']],
  ["name: x\nevents: [{ type: a }]\n", ["2:10 events.0: has either a name, or a type and a correlation"]],
  ["name: x\nexpect: { run: { result: { $regx: a } } }\n", ["2:28 unknown matcher $regx; did you mean $regex?"]],
  [
    'name: x\nexpect: { run: { result: { $regex: "(" } } }\n',
    ["2:28 $regex: Invalid regular expression: /(/u: Unterminated group"],
  ],
  [
    "name: x\nexpect: { run: { result: { $regex: a, b: 1 } } }\n",
    ["2:18 a matcher stands alone in its object: $regex, b"],
  ],
  ["name: x\nexpect: { run: { result: { $unordered: 1 } } }\n", ["2:28 $unordered: what follows must be a list"]],
  [
    "name: x\nexpect: { run: { result: { $any: strnig } } }\n",
    ["2:28 $any: true or one of list, null, object, integer, uuid, time, string, number, boolean"],
  ],
  ["name: ${matrix.b}\nmatrix: { a: [1] }\n", ["1:1 ${matrix.b}: the matrix has a"]],
  ["name: [x\n", ["2:1 Flow sequence in block collection must be sufficiently indented and end with a ]"]],
])("%j is told as a mistake with its place", (text, mistakes) => {
  const found = read(text).mistakes;
  for (const mistake of mistakes) expect(found).toContain(mistake);
});

test("a matrix makes a scenario of each combination, and keeps the kind of a value that stands alone", () => {
  const text =
    "name: ${matrix.size} of ${matrix.kind}\nmatrix: { size: [1, 2], kind: [bug] }\nworkflow: w\nruns: [{ input: { size: '${matrix.size}' } }]\n";
  const { titles, scenarios } = read(text);
  expect(titles).toEqual(["1 of bug [size=1, kind=bug]", "2 of bug [size=2, kind=bug]"]);
  expect(scenarios[1]!.scenario.runs).toEqual([{ input: { size: 2 } }]);
});

test("anchors and aliases are read", () => {
  expect(
    read("- { name: a, secrets: &s { A: x } }\n- { name: b, secrets: *s }\n").scenarios[1]!.scenario.secrets,
  ).toEqual({ A: "x" });
});

test("a path in words leads to its place, or to the nearest one around it", () => {
  const { scenarios } = read('name: x\nexpect:\n  run:\n    result: { "odd name": [1, { a: 2 }] }\n');
  const { source } = scenarios[0]!;
  const at = (text: string): string => {
    const { line, column } = placeOf(source, pathOf(text));
    return `${line}:${column}`;
  };
  expect(at("expect.run.result")).toBe("4:5");
  expect(at('expect.run.result."odd name"[1].a')).toBe("4:33");
  expect(at("expect.run.steps[3]")).toBe("3:3");
});

test("the published JSON Schema is the one that files are read with", () => {
  const published: unknown = JSON.parse(
    fs.readFileSync(new URL("../../docs/scenario.schema.json", import.meta.url), "utf8"),
  );
  // Made anew by: node scripts/node.mjs scripts/scenario-schema.mjs
  expect(published).toEqual(JSON.parse(JSON.stringify(schemaDocument())));
});
