// What is said of results: JUnit, TAP, exit codes, shares of a suite, and files with new expectations.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readScenarioFile, type LoadedScenario } from "../../src/scenarios/load.ts";
import type { Observed, ObservedRun } from "../../src/scenarios/observe.ts";
import { junitReport } from "../../src/scenarios/report-junit.ts";
import { tapReport } from "../../src/scenarios/report-tap.ts";
import type { Failure, ScenarioResult } from "../../src/scenarios/run-scenario.ts";
import { choose, exitCodeOf } from "../../src/scenarios/suite.ts";
import { updateExpectations } from "../../src/scenarios/update.ts";

let dir: string;

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), "chiron-scenarios-"));
});

afterEach(() => {
  fs.rmSync(dir, { recursive: true, force: true });
});

const place = { file: "/p/a.scenario.yaml", line: 3, column: 5 };
const failure: Failure = { path: "expect.run.result", expected: '"a" & <b>', actual: "\u0001", place, crash: null };

function result(more: Partial<ScenarioResult> = {}): ScenarioResult {
  return {
    title: "one",
    place,
    outcome: "passed",
    failures: [],
    message: null,
    ms: 1_234,
    virtualMs: 0,
    unchecked: [],
    plays: 1,
    kept: null,
    observed: null,
    heard: [],
    ...more,
  };
}

const failed = result({ title: 'two #2 <"&>', outcome: "failed", failures: [failure] });
const skipped = result({ title: "three", outcome: "skipped", message: "not now" });
const late = result({ title: "four", outcome: "timeout", message: "too late" });

test("a JUnit report counts, escapes, and holds nothing that XML cannot", () => {
  const report = junitReport([result(), failed, skipped, late], 5_000);
  expect(report).toContain('<testsuites name="chiron" tests="4" failures="1" errors="1" time="5.000">');
  expect(report).toContain('<testcase name="two #2 &lt;&quot;&amp;&gt;"');
  expect(report).toContain('message="expect.run.result: expected &quot;a&quot; &amp; &lt;b&gt;, actual \ufffd"');
  expect(report).toContain('<skipped message="not now"/>');
  expect(report).toContain('<error type="timeout" message="too late">too late</error>');
});

test("a TAP report has a line for each, and the differences as YAML", () => {
  expect(tapReport([result(), failed, skipped]).split("\n")).toEqual([
    "TAP version 14",
    "1..3",
    "ok 1 - one",
    'not ok 2 - two \\#2 <"&>',
    "  ---",
    "  outcome: failed",
    '  at: "/p/a.scenario.yaml:3"',
    "  failures:",
    '    - path: "expect.run.result"',
    '      expected: "\\"a\\" & <b>"',
    '      actual: "\\u0001"',
    '      at: "/p/a.scenario.yaml:3"',
    "  ...",
    "ok 3 - three # SKIP not now",
  ]);
});

test("the exit code is that of the gravest result", () => {
  const of = (...outcomes: ScenarioResult["outcome"][]): number =>
    exitCodeOf(outcomes.map((outcome) => result({ outcome })));
  expect([of("passed", "skipped"), of("failed"), of("failed", "timeout"), of("timeout", "error"), of("error", "bad")]).toEqual([0, 1, 4, 3, 2]); // prettier-ignore
});

function load(text: string, name = "a.scenario.yaml"): LoadedScenario[] {
  const file = path.join(dir, name);
  fs.writeFileSync(file, text);
  return readScenarioFile(file).scenarios;
}

test("shares of a suite are disjoint and together everything", () => {
  const all = load(Array.from({ length: 7 }, (_, at) => `- name: n${at}\n`).join(""));
  const shares = [1, 2, 3].map((index) => choose(all, { shard: { index, count: 3 } }).map(({ title }) => title));
  expect(shares.flat().toSorted()).toEqual(all.map(({ title }) => title));
  expect(shares.map((one) => one.length)).toEqual([3, 2, 2]);
});

test("a keyword chooses by name or file, in any case", () => {
  const all = load("- name: Alpha\n- name: beta\n");
  expect(choose(all, { keyword: "ALPHA" }).map(({ title }) => title)).toEqual(["Alpha"]);
  expect(choose(all, { keyword: "a.scenario" })).toHaveLength(2);
});

function observedRun(more: Partial<ObservedRun>): Observed {
  const run = { runId: "r", steps: ["a", "b: c"], result: { x: "new, text", y: [1, { z: null }] }, ...more };
  return { runs: [run as unknown as ObservedRun], all: [], outbox: [] };
}

function update(text: string, paths: readonly string[], name?: string) {
  const [loaded] = load(text, name);
  const { file } = loaded!.source;
  const failures = paths.map((at) => ({ ...failure, path: at }));
  const one = result({
    title: loaded!.title,
    place: { ...place, file },
    outcome: "failed",
    failures,
    observed: observedRun({}),
  });
  const { files, left } = updateExpectations([loaded!], [one]);
  return { text: files.get(file), left };
}

test("an update replaces the values that differ and nothing else", () => {
  const before = `# first\nname: x   # kept\nexpect:\n  run:\n    result: { x:  old }  # why\n    steps:\n      - a\n      - z  # gone\n    attempts: 1\n`;
  expect(update(before, ["expect.run.result.x", "expect.run.steps[1]"]).text).toBe(
    `# first\nname: x   # kept\nexpect:\n  run:\n    result: { x:  "new, text" }  # why\n    steps:\n      - a\n      - "b: c"  # gone\n    attempts: 1\n`,
  );
});

test("an update writes what the reader reads back", () => {
  const { text } = update("name: x\nexpect:\n  run:\n    result:\n      $any: integer\n", ["expect.run.result"]);
  expect(text).toContain('{ x: "new, text", y: [1, { z: null }] }');
  expect(load(text!)[0]!.scenario.expect?.run?.result).toEqual({ x: "new, text", y: [1, { z: null }] });
});

test("an update of a JSON file stays JSON", () => {
  const { text } = update('{"name": "x", "expect": {"run": {"steps": []}}}', ["expect.run.steps"], "a.scenario.json");
  expect(JSON.parse(text!)).toEqual({ name: "x", expect: { run: { steps: ["a", "b: c"] } } });
});

test("what no value mends, and what stands for several scenarios, is left", () => {
  expect(update("name: x\n", ["run of hello.status"]).left).toEqual(["x"]);
  expect(update("name: x\nmatrix: { a: [1] }\nexpect: { run: { steps: [] } }\n", ["expect.run.steps"]).left).toEqual([
    "x [a=1]",
  ]);
});
