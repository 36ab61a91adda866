// What a reload changed, for one line a person reads and for whoever must act on it.
import type { Problem } from "../ports/host.ts";
import type { Catalog } from "./catalog.ts";

export interface CatalogDiff {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** Changed files that declare no workflow themselves: helper modules. */
  readonly helpers: readonly string[];
  readonly newProblems: readonly Problem[];
  /** Paths that had an error and have none now. */
  readonly fixed: readonly string[];
}

export function diffCatalogs(before: Catalog, after: Catalog): CatalogDiff {
  const moved = changedFiles(before.files, after.files);
  const sources = new Set([...after.workflows.values()].map((workflow) => workflow.sourcePath));
  const names = [...after.workflows.keys()];
  return {
    added: names.filter((name) => !before.workflows.has(name)),
    changed: names.filter((name) => {
      const served = after.workflows.get(name)!;
      const earlier = before.workflows.get(name);
      return (
        earlier &&
        served.current &&
        (earlier.sourcePath !== served.sourcePath || moved.has(served.sourcePath) || !earlier.current)
      );
    }),
    removed: [...before.workflows.keys()].filter((name) => !after.workflows.has(name)),
    helpers: [...moved].filter((path) => !sources.has(path)),
    newProblems: after.problems.filter((problem) => !before.problems.some((old) => same(old, problem))),
    fixed: errorPaths(before).filter((path) => !errorPaths(after).includes(path)),
  };
}

function changedFiles(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): Set<string> {
  const moved = new Set<string>();
  for (const [path, hash] of after) if (before.get(path) !== hash) moved.add(path);
  return moved;
}

function same(a: Problem, b: Problem): boolean {
  return a.path === b.path && a.line === b.line && a.kind === b.kind && a.message === b.message;
}

function errorPaths({ problems }: Catalog): string[] {
  return [...new Set(problems.filter((problem) => problem.severity === "error").map((problem) => problem.path))];
}
