// `chiron test --watch`: stays, and after each edit runs what it touches: all scenarios after a change of workflow code, those of a file
// after a change of that file. Ctrl-C ends it.
import path from "node:path";
import { messageOf } from "../core/errors.ts";
import type { CommandContext } from "./command.ts";
import { choose } from "../scenarios/suite.ts";
import { findScenarioFiles } from "../scenarios/load.ts";
import { interruptible } from "./interrupt.ts";
import { openBench, readAll, reportMistakes, runOnce, type TestOptions } from "./test-round.ts";

/** The exit code: 0, whatever failed meanwhile was seen. */
export async function watchScenarios(
  context: CommandContext,
  options: TestOptions,
  paths: readonly string[],
  keepDir: string,
): Promise<number> {
  return interruptible(async (signal) => {
    const watcher = context.wiring.createWatcher();
    let changed = new Set<string>();
    let wake: () => void = () => undefined;
    watcher.onChange((files) => {
      changed = new Set([...changed, ...files]);
      wake();
    });
    signal.addEventListener("abort", () => wake());
    try {
      let touched: ReadonlySet<string> | null = null;
      while (!signal.aborted) {
        const files = await round(context, options, paths, keepDir, touched, signal);
        await watcher.watch(context.config.dirs, files);
        context.output.note("watching; Ctrl-C ends");
        if (changed.size === 0 && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
        touched = changed;
        changed = new Set();
      }
    } finally {
      await watcher.close();
    }
    return 0;
  });
}

/** Runs what was touched (null: everything); the files that a later edit may touch. */
async function round(
  context: CommandContext,
  options: TestOptions,
  paths: readonly string[],
  keepDir: string,
  touched: ReadonlySet<string> | null,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const files = findScenarioFiles(paths);
  const onlyScenarios = touched !== null && [...touched].every((file) => files.includes(path.resolve(file)));
  const asked = onlyScenarios ? files.filter((file) => touched.has(file)) : paths;
  const { scenarios, mistakes } = readAll(asked);
  if (mistakes.length > 0) {
    reportMistakes(context, mistakes);
    return files;
  }
  const chosen = choose(scenarios, options);
  const bench = await openBench(context, options, keepDir);
  try {
    await runOnce(context, options, chosen, bench, signal);
    return [...files, ...(await bench.loaded()).files.keys()];
  } catch (error) {
    context.output.note(messageOf(error));
    return files;
  } finally {
    await bench.close();
  }
}
