// Many scenarios: which of them, in which share, a bounded number at a time, and what that comes to.
import type { Bench } from "./bench.ts";
import type { LoadedScenario } from "./load.ts";
import { runScenario, type ScenarioResult } from "./run-scenario.ts";

export interface Choice {
  /** Only those with this text in their title or file's name. */
  readonly keyword?: string | undefined;
  /** The i-th of n shares, from 1. */
  readonly shard?: { readonly index: number; readonly count: number } | undefined;
}

/** The scenarios that were asked for. */
export function choose(all: readonly LoadedScenario[], { keyword, shard }: Choice): LoadedScenario[] {
  const wanted = keyword?.toLowerCase();
  const named = all.filter(
    ({ title, source }) => wanted === undefined || `${source.file} ${title}`.toLowerCase().includes(wanted),
  );
  return shard === undefined ? named : named.filter((_, at) => at % shard.count === shard.index - 1);
}

export interface SuiteOptions {
  readonly bench: Bench;
  /** How many at a time. */
  readonly parallel: number;
  /** No further one begins after a failure. */
  readonly bail: boolean;
  readonly signal: AbortSignal;
  /** Told of each, in the order of the files. */
  readonly done: (result: ScenarioResult) => void;
}

/** Their results in the order of the files; those that did not begin are left out. */
export async function runSuite(scenarios: readonly LoadedScenario[], options: SuiteOptions): Promise<ScenarioResult[]> {
  const results = new Map<number, ScenarioResult>();
  let next = 0;
  let told = 0;
  let stopped = false;
  const work = async (): Promise<void> => {
    while (next < scenarios.length && !stopped && !options.signal.aborted) {
      const at = next;
      next += 1;
      const result = await runScenario(scenarios[at]!, options.bench);
      results.set(at, result);
      stopped ||= options.bail && isBad(result);
      for (let one = results.get(told); one; one = results.get(told)) {
        options.done(one);
        told += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.parallel, scenarios.length) }, work));
  return [...results].toSorted(([a], [b]) => a - b).map(([, result]) => result);
}

function isBad({ outcome }: ScenarioResult): boolean {
  return outcome !== "passed" && outcome !== "skipped";
}

/** 0 all passed, 1 failed, 2 a file is wrong, 3 the engine failed, 4 time was up: the gravest one. */
export function exitCodeOf(results: readonly ScenarioResult[]): number {
  const has = (outcome: ScenarioResult["outcome"]): boolean => results.some((one) => one.outcome === outcome);
  if (has("bad")) return 2;
  if (has("error")) return 3;
  if (has("timeout")) return 4;
  return has("failed") ? 1 : 0;
}
