// What `chiron test` says of its scenarios: a line for each, and for those that failed what was expected, what came, and how to look at it.
import path from "node:path";
import { formatDuration } from "../core/duration.ts";
import { placeText } from "../scenarios/located.ts";
import type { Failure, ScenarioResult } from "../scenarios/run-scenario.ts";
import { printable, type Output } from "./output.ts";

const MARKS = { passed: "✓", failed: "✗", skipped: "-", timeout: "✗", error: "✗", bad: "✗" } as const;
/** Differences of one scenario that are shown; the reports hold all. */
const MOST_SHOWN = 20;
/** Virtual time that is worth a word. */
const NOTABLE_MS = 1_000;

export function reportResult(output: Output, result: ScenarioResult, root: string): void {
  const { outcome, title, failures, message, hint, kept, place } = result;
  const isGood = outcome === "passed" || outcome === "skipped";
  const mark = output.style(isGood ? (outcome === "passed" ? "green" : "dim") : "red", MARKS[outcome]);
  const shownPlace = shorten(placeText(place), root);
  output.print(`${mark} ${printable(title)}${output.style("dim", noteOf(result))}`);
  if (result.unchecked.length > 0) output.print(output.style("dim", `    not checked: ${result.unchecked.join(", ")}`));
  if (outcome === "passed") return;
  if (message !== null) {
    const text = outcome === "skipped" ? message : `${outcome === "bad" ? "" : `${outcome}: `}${message}`;
    for (const line of text.split("\n")) output.print(`    ${printable(line)}`);
  }
  if (hint !== undefined) output.print(`    ${printable(hint)}`);
  if (message !== null && !isGood) output.print(`    at ${shownPlace}`);
  for (const one of failures.slice(0, MOST_SHOWN)) printFailure(output, one, root);
  if (failures.length > MOST_SHOWN) output.print(`    … and ${failures.length - MOST_SHOWN} more`);
  if (kept === null) return;
  const file = path.relative(root, kept.store);
  for (const id of kept.runIds.slice(0, 3)) output.print(`    look: chiron runs show ${id} --db ${file}`);
  if (kept.runIds.length === 0) output.print(`    look: chiron runs list --db ${file}`);
}

function noteOf({ ms, virtualMs, plays, outcome }: ScenarioResult): string {
  if (outcome === "skipped") return "";
  const parts = [formatDuration(ms)];
  if (virtualMs >= NOTABLE_MS) parts.push(`${formatDuration(virtualMs)} of virtual time`);
  if (plays > 1) parts.push(`${plays - 1} crashes`);
  return `  (${parts.join(", ")})`;
}

function printFailure(output: Output, { path: at, expected, actual, place, crash }: Failure, root: string): void {
  output.print("");
  output.print(`    ${output.style("bold", printable(at))}  ${output.style("dim", shorten(placeText(place), root))}`);
  if (crash !== null) output.print(`      after the engine went at: ${printable(crash)}`);
  output.print(`      expected ${output.style("green", printable(expected))}`);
  output.print(`      actual   ${output.style("red", printable(actual))}`);
}

function shorten(text: string, root: string): string {
  return text.startsWith(root + path.sep) ? text.slice(root.length + 1) : text;
}

export function reportSummary(output: Output, results: readonly ScenarioResult[], ms: number, chosen: number): void {
  const count = (...outcomes: ScenarioResult["outcome"][]): number =>
    results.filter((one) => outcomes.includes(one.outcome)).length;
  const failed = count("failed", "error", "timeout", "bad");
  const parts = [`${count("passed")} passed`];
  if (failed > 0) parts.push(output.style("red", `${failed} failed`));
  if (count("skipped") > 0) parts.push(`${count("skipped")} skipped`);
  if (chosen > results.length) parts.push(`${chosen - results.length} not run`);
  const plays = results.reduce((sum, one) => sum + one.plays, 0);
  const again = plays > results.length ? `, ${plays} plays` : "";
  output.print("");
  output.print(`${parts.join(", ")} in ${formatDuration(ms)}${again}`);
}

/** Everything, for --json. */
export function resultDocument(results: readonly ScenarioResult[], ms: number): Record<string, unknown> {
  return {
    ok: results.every(({ outcome }) => outcome === "passed" || outcome === "skipped"),
    duration_ms: Math.round(ms),
    scenarios: results.map(({ title, place, outcome, failures, message, hint, kept, plays, unchecked, ...times }) => ({
      name: title,
      ...place,
      outcome,
      duration_ms: times.ms,
      virtual_ms: times.virtualMs,
      plays,
      unchecked,
      message,
      ...(hint === undefined ? {} : { hint }),
      failures: failures.map(({ place: where, ...one }) => ({ ...one, ...where })),
      store: kept?.store ?? null,
      run_ids: kept?.runIds ?? [],
    })),
  };
}
