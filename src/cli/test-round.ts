// What `chiron test` does once, and with --watch again and again: reads scenario files, runs those chosen, reports.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findScenarioFiles, readScenarioFile, type LoadedScenario, type Mistake } from "../scenarios/load.ts";
import { placeText } from "../scenarios/located.ts";
import { junitReport } from "../scenarios/report-junit.ts";
import { tapReport } from "../scenarios/report-tap.ts";
import type { ScenarioResult } from "../scenarios/run-scenario.ts";
import { exitCodeOf, runSuite } from "../scenarios/suite.ts";
import { wholeNumber, type CommandContext, type CommonOptions } from "./command.ts";
import { INTERRUPTED_EXIT } from "./interrupt.ts";
import { openServerBench } from "./test-against.ts";
import { reportResult, reportSummary, resultDocument } from "./test-report.ts";
import { updateFiles } from "./test-update.ts";
import type { TestBench } from "./wiring.ts";

export interface TestOptions extends CommonOptions {
  readonly keyword?: string;
  readonly workflows?: readonly string[];
  readonly watch?: boolean;
  readonly update?: boolean;
  readonly junit?: string;
  readonly tap?: boolean;
  readonly shard?: { readonly index: number; readonly count: number };
  readonly bail?: boolean;
  readonly parallel?: string;
  readonly against?: string;
}

export const BAD_FILE_EXIT = 2;
/** Beyond that scenarios wait for the one Python process more than for each other. */
const MOST_PARALLEL = 8;

/** Every scenario at these paths, and everything that is wrong with their files. */
export function readAll(paths: readonly string[]): { scenarios: LoadedScenario[]; mistakes: Mistake[] } {
  const read = findScenarioFiles(paths).map(readScenarioFile);
  return { scenarios: read.flatMap((one) => one.scenarios), mistakes: read.flatMap((one) => one.mistakes) };
}

export function openBench(
  { wiring, config }: CommandContext,
  { against }: TestOptions,
  keepDir: string,
): Promise<TestBench> {
  const opening = wiring.openBench(config, keepDir);
  return against === undefined ? opening : opening.then((bench) => openServerBench(bench, config, against));
}

/** Runs these and reports; the exit code. */
export async function runOnce(
  context: CommandContext,
  options: TestOptions,
  chosen: readonly LoadedScenario[],
  bench: TestBench,
  signal: AbortSignal,
  done: (result: ScenarioResult) => void = () => undefined,
): Promise<number> {
  const begun = performance.now();
  const { problems } = await bench.loaded();
  const { output } = context;
  for (const { severity, path: file, line, message } of problems) {
    if (severity === "error") output.note(`${file}:${line ?? 1}: ${message}`);
  }
  const quiet = output.json || options.tap === true;
  const results = await runSuite(chosen, {
    bench,
    signal,
    parallel: parallelOf(options),
    bail: options.bail === true,
    done(result) {
      done(result);
      if (!quiet) reportResult(output, result, context.config.root);
    },
  });
  writeReports(context, options, results, performance.now() - begun, chosen.length);
  if (options.update) return updateFiles(output, chosen, results);
  return signal.aborted ? INTERRUPTED_EXIT : exitCodeOf(results);
}

function parallelOf({ parallel, against }: TestOptions): number {
  if (parallel !== undefined) return wholeNumber(parallel, "--parallel", 1, 64);
  return against === undefined ? Math.min(MOST_PARALLEL, os.availableParallelism() * 4) : MOST_PARALLEL;
}

function writeReports(
  { output, config }: CommandContext,
  options: TestOptions,
  results: readonly ScenarioResult[],
  ms: number,
  chosen: number,
): void {
  if (options.junit !== undefined) fs.writeFileSync(path.resolve(config.root, options.junit), junitReport(results, ms));
  if (output.json) output.printJson(resultDocument(results, ms));
  else if (options.tap) output.print(tapReport(results));
  else reportSummary(output, results, ms, chosen);
}

/** Files that are wrong: nothing is run. */
export function reportMistakes({ output }: CommandContext, mistakes: readonly Mistake[]): number {
  const told = mistakes.map(({ place, message }) => ({ ...place, message }));
  if (output.json) output.printJson({ ok: false, error: "a scenario file is wrong", code: "bad_request", mistakes: told }); // prettier-ignore
  for (const { place, message } of mistakes) output.note(`${placeText(place)}: ${message}`);
  return BAD_FILE_EXIT;
}
