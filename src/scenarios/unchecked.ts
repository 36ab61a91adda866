// What of a scenario a bench cannot do, for a person to read beside a result that passed without it.
import type { BenchEngine } from "./bench.ts";
import type { RunExpectation, Scenario } from "./format.ts";

/** Empty: everything was done as written. */
export function uncheckedOn({ virtual, snapshot }: BenchEngine, scenario: Scenario): string[] {
  const { clock, until, crash, deliveries = [], runs = [], events = [] } = scenario;
  const notes: string[] = [];
  if (crash !== undefined && snapshot === null) notes.push("crash (its store cannot be copied)");
  if (virtual) return notes;
  if (clock !== undefined) notes.push("clock");
  if (until !== undefined) notes.push("until");
  if ([...deliveries, ...runs, ...events].some(({ delay }) => delay !== undefined)) notes.push("delay");
  if (hasDurations(scenario)) notes.push("duration");
  return notes;
}

function hasDurations({ expect = {} }: Scenario): boolean {
  const of = (run: RunExpectation): boolean =>
    run.duration !== undefined || (Array.isArray(run.children) && (run.children as RunExpectation[]).some(of));
  const runs = expect.run ? [expect.run] : Array.isArray(expect.runs) ? (expect.runs as RunExpectation[]) : [];
  return expect.duration !== undefined || runs.some(of);
}
