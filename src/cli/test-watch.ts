// `chiron test --watch`: stays, and after each edit runs what it touches: the scenarios of an edited file, those that ran an edited workflow,
// and all of them after the edit of a module that several may import. Ctrl-C ends it.
import { messageOf } from "../core/errors.ts";
import type { Discovery } from "../ports/host.ts";
import { findScenarioFiles, type LoadedScenario } from "../scenarios/load.ts";
import type { ScenarioResult } from "../scenarios/run-scenario.ts";
import { choose } from "../scenarios/suite.ts";
import type { CommandContext } from "./command.ts";
import { interruptible } from "./interrupt.ts";
import { openBench, readAll, reportMistakes, runOnce, type TestOptions } from "./test-round.ts";

interface Session {
  readonly context: CommandContext;
  readonly options: TestOptions;
  readonly paths: readonly string[];
  readonly keepDir: string;
  /** What the last rounds found out: by scenario, the workflows that ran in it; none known: it has to run. */
  readonly ran: Map<string, ReadonlySet<string>>;
  discovery: Discovery | null;
}

/** The exit code: 0, whatever failed meanwhile was seen. */
export async function watchScenarios(
  context: CommandContext,
  options: TestOptions,
  paths: readonly string[],
  keepDir: string,
): Promise<number> {
  return interruptible(async (signal) => {
    const session: Session = { context, options, paths, keepDir, ran: new Map(), discovery: null };
    // One for the code, with what it imports; the other for scenario files, which a folder's watcher leaves out.
    const watchers = [context.wiring.createWatcher(), context.wiring.createWatcher()] as const;
    let changed = new Set<string>();
    let wake: () => void = () => undefined;
    for (const watcher of watchers) {
      watcher.onChange((files) => {
        changed = new Set([...changed, ...files]);
        wake();
      });
    }
    signal.addEventListener("abort", () => wake());
    try {
      let touched: ReadonlySet<string> | null = null;
      while (!signal.aborted) {
        await round(session, touched, signal);
        await watchers[0].watch(context.config.dirs, [...(session.discovery?.files.keys() ?? [])]);
        await watchers[1].watch([], findScenarioFiles(paths));
        context.output.note("watching; Ctrl-C ends");
        if (changed.size === 0 && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
        touched = changed;
        changed = new Set();
      }
    } finally {
      for (const watcher of watchers) await watcher.close();
    }
    return 0;
  });
}

/** Runs what was touched; null: everything. */
async function round(session: Session, touched: ReadonlySet<string> | null, signal: AbortSignal): Promise<void> {
  const { context, options, keepDir } = session;
  const { scenarios, mistakes } = readAll(session.paths);
  if (mistakes.length > 0) {
    reportMistakes(context, mistakes);
    return;
  }
  const all = choose(scenarios, options);
  const chosen = touched === null ? all : all.filter((one) => isTouched(one, touched, session));
  if (chosen.length === 0) return;
  const bench = await openBench(context, options, keepDir);
  try {
    await runOnce(context, options, chosen, bench, signal, (result) => note(session, result));
    session.discovery = await bench.loaded();
  } catch (error) {
    context.output.note(messageOf(error));
  } finally {
    await bench.close();
  }
}

function keyOf(file: string, title: string): string {
  return `${file}\n${title}`;
}

function note({ ran }: Session, { place, title, observed, outcome }: ScenarioResult): void {
  const key = keyOf(place.file, title);
  if (outcome === "passed" && observed) ran.set(key, new Set(observed.all.map(({ workflow }) => workflow)));
  else ran.delete(key);
}

function isTouched({ source, title }: LoadedScenario, touched: ReadonlySet<string>, session: Session): boolean {
  const ran = session.ran.get(keyOf(source.file, title));
  // What failed is run again whatever was edited.
  if (touched.has(source.file) || ran === undefined) return true;
  const scenarioFiles = new Set(findScenarioFiles(session.paths));
  return [...touched].some((file) => {
    if (scenarioFiles.has(file)) return false;
    const own = session.discovery?.workflows.filter(({ sourcePath }) => sourcePath === file) ?? [];
    return own.length === 0 || own.some(({ workflowName }) => ran.has(workflowName) || ran.size === 0);
  });
}
