// Results in the Test Anything Protocol, version 14.
import type { ScenarioResult } from "./run-scenario.ts";

/** The whole report, without a line break at its end. */
export function tapReport(results: readonly ScenarioResult[]): string {
  const lines = results.flatMap((result, at) => [headOf(result, at + 1), ...detailsOf(result)]);
  return ["TAP version 14", `1..${results.length}`, ...lines].join("\n");
}

function headOf({ outcome, title, message }: ScenarioResult, number: number): string {
  const word = outcome === "passed" || outcome === "skipped" ? "ok" : "not ok";
  const name = title.replace(/\s+/g, " ").replaceAll("\\", "\\\\").replaceAll("#", "\\#");
  return `${word} ${number} - ${name}${outcome === "skipped" ? ` # SKIP ${message ?? ""}` : ""}`;
}

function detailsOf({ outcome, failures, message, place }: ScenarioResult): string[] {
  if (outcome === "passed" || outcome === "skipped") return [];
  const lines = [`outcome: ${outcome}`, `at: ${JSON.stringify(`${place.file}:${place.line}`)}`];
  if (message !== null) lines.push(`message: ${JSON.stringify(message)}`);
  if (failures.length > 0) lines.push("failures:");
  for (const { path, expected, actual, place: where, crash } of failures) {
    lines.push(`  - path: ${JSON.stringify(path)}`);
    lines.push(`    expected: ${JSON.stringify(expected)}`, `    actual: ${JSON.stringify(actual)}`);
    lines.push(`    at: ${JSON.stringify(`${where.file}:${where.line}`)}`);
    if (crash !== null) lines.push(`    crash: ${JSON.stringify(crash)}`);
  }
  return ["  ---", ...lines.map((line) => `  ${line}`), "  ..."];
}
