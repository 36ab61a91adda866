// `chiron test --update`: writes what came in the place of expectations that do not hold. Everything else of a file, comments included, stays.
import fs from "node:fs";
import type { LoadedScenario } from "../scenarios/load.ts";
import type { ScenarioResult } from "../scenarios/run-scenario.ts";
import { exitCodeOf } from "../scenarios/suite.ts";
import { updateExpectations } from "../scenarios/update.ts";
import type { Output } from "./output.ts";

/** Rewrites the files; the exit code, which is 0 when everything that failed could be written. */
export function updateFiles(
  output: Output,
  chosen: readonly LoadedScenario[],
  results: readonly ScenarioResult[],
): number {
  const { files, left } = updateExpectations(chosen, results);
  for (const [file, text] of files) {
    fs.writeFileSync(file, text);
    output.note(`updated ${file}`);
  }
  for (const one of left) output.note(`${one} cannot be updated by itself`);
  const others = results.filter(({ outcome }) => outcome !== "failed");
  return left.length > 0 ? 1 : exitCodeOf(others);
}
