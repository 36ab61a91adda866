// Results as JUnit XML, the way CI systems read it: one test suite a file, one test case a scenario.
import { failureText } from "./failure-text.ts";
import type { ScenarioResult } from "./run-scenario.ts";

/** The whole document. */
export function junitReport(results: readonly ScenarioResult[], ms: number): string {
  const byFile = new Map<string, ScenarioResult[]>();
  for (const one of results) byFile.set(one.place.file, [...(byFile.get(one.place.file) ?? []), one]);
  const suites = [...byFile].map(([file, of]) => suite(file, of));
  const totals = `tests="${results.length}" failures="${count(results, "failed")}" errors="${errors(results)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="chiron" ${totals} time="${seconds(ms)}">\n${suites.join("")}</testsuites>\n`;
}

function suite(file: string, results: readonly ScenarioResult[]): string {
  const ms = results.reduce((sum, one) => sum + one.ms, 0);
  const totals = `tests="${results.length}" failures="${count(results, "failed")}" errors="${errors(results)}" skipped="${count(results, "skipped")}"`;
  const cases = results.map(testCase).join("");
  return `  <testsuite name="${escape(file)}" ${totals} time="${seconds(ms)}">\n${cases}  </testsuite>\n`;
}

function testCase(result: ScenarioResult): string {
  const { title, place, outcome, failures, message, ms } = result;
  const head = `    <testcase name="${escape(title)}" classname="${escape(place.file)}" file="${escape(place.file)}" line="${place.line}" time="${seconds(ms)}"`;
  if (outcome === "passed") return `${head}/>\n`;
  if (outcome === "skipped") return `${head}>\n      <skipped message="${escape(message ?? "")}"/>\n    </testcase>\n`;
  const text = outcome === "failed" ? failures.map(failureText).join("\n") : (message ?? "");
  const [one] = failures;
  const first = one ? `${one.path}: expected ${one.expected}, actual ${one.actual}` : (text.split("\n")[0] ?? "");
  const tag = outcome === "failed" ? "failure" : "error";
  return `${head}>\n      <${tag} type="${outcome}" message="${escape(first)}">${escape(text)}</${tag}>\n    </testcase>\n`;
}

function count(results: readonly ScenarioResult[], outcome: ScenarioResult["outcome"]): number {
  return results.filter((one) => one.outcome === outcome).length;
}

function errors(results: readonly ScenarioResult[]): number {
  return count(results, "error") + count(results, "timeout") + count(results, "bad");
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

// eslint-disable-next-line no-control-regex -- XML 1.0 has no way to write these
const UNWRITABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escape(text: string): string {
  return text
    .toWellFormed()
    .replace(UNWRITABLE, "\u{fffd}")
    .replace(/[&<>"]/g, (char) => ENTITIES[char]!);
}
