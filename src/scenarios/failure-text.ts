// One difference in words, the same in every report.
import { placeText } from "./located.ts";
import type { Failure } from "./run-scenario.ts";

/** Path, expectation, what came, and where it is written; several lines. */
export function failureText({ path, expected, actual, place, crash }: Failure): string {
  const after = crash === null ? "" : ` (after the engine went at: ${crash})`;
  return `${path}${after}\n  expected: ${expected}\n  actual:   ${actual}\n  at ${placeText(place)}`;
}
